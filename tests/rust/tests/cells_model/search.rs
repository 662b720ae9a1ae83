//! Breadth first over the states of the reference.

use std::collections::BTreeSet;

use super::reference::{Fault, Operation, Reference};
use super::subject::Subject;

/// Runs every operation in every state that is reached in less than so many steps. Answers how many states and programs
/// there were.
pub(crate) fn search(
    alphabet: &[Operation],
    steps: usize,
    shards: usize,
    fault: Option<Fault>,
) -> Result<(usize, usize), String> {
    let mut seen = BTreeSet::from([Reference::new(fault).state()]);
    let mut reached: Vec<Vec<&Operation>> = vec![Vec::new()];
    let mut programs = 0;
    for _ in 0..steps {
        let mut next = Vec::new();
        for path in &reached {
            for operation in alphabet {
                let program: Vec<&Operation> = path.iter().copied().chain([operation]).collect();
                programs += 1;
                if seen.insert(run(&program, shards, fault, false)?) {
                    next.push(program);
                }
            }
        }
        reached = next;
    }
    Ok((seen.len(), programs))
}

/// Runs one program and compares everything after each step.
pub(crate) fn walk(program: &[Operation], shards: usize, fault: Option<Fault>) -> Result<(), String> {
    run(&program.iter().collect::<Vec<_>>(), shards, fault, true).map(drop)
}

/// Answers the state at the end. What was compared before is compared again only where that is asked for.
fn run(program: &[&Operation], shards: usize, fault: Option<Fault>, always: bool) -> Result<String, String> {
    let (mut reference, mut subject) = (Reference::new(fault), Subject::new(shards));
    for (at, operation) in program.iter().enumerate() {
        let before = reference.clone();
        let says = reference.apply(operation);
        let outcome = subject.apply(&before, operation, &says);
        let outcome = match always || at + 1 == program.len() {
            true => outcome.and_then(|()| subject.compare(&reference)),
            false => outcome,
        };
        outcome.map_err(|why| format!("{why}; shards={shards} after {:?}", &program[..=at]))?;
    }
    Ok(reference.state())
}
