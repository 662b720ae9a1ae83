//! Panics without words.
//!
//! A panic ends the module whatever it says, and nobody hears it: there is no hook. So the functions that make its
//! message go, and a panic is a trap at once. `wasm-opt` then leaves out what was only there for them.

use anyhow::{Result, ensure};
use walrus::{FunctionBuilder, FunctionId, FunctionKind, Module};

/// Parts of the names of functions of the standard library that never return.
const ENDINGS: [&str; 9] = [
    "]::panicking::",
    "]::cell::panic_already_",
    "]::option::expect_failed",
    "]::option::unwrap_failed",
    "]::raw_vec::handle_error",
    "]::result::unwrap_failed",
    "]::slice::index::slice_index_fail",
    "]::str::slice_error_fail",
    "]::thread::local::panic_access_error",
];

/// Makes traps of all functions that begin a panic. Answers how many there were.
pub(crate) fn silence(module: &mut Module) -> Result<usize> {
    let begins = |name: &str| ENDINGS.iter().any(|ending| name.contains(ending));
    let functions = module.funcs.iter_local().map(|(id, _)| module.funcs.get(id));
    let found = functions.filter(|function| function.name.as_deref().is_some_and(begins));
    let found: Vec<FunctionId> = found.map(|function| function.id()).collect();
    ensure!(!found.is_empty(), "no function of the module begins a panic: are there no names, or have they changed?");
    for &id in &found {
        trap(module, id);
    }
    Ok(found.len())
}

/// Gives a function a body that does not go on.
fn trap(module: &mut Module, id: FunctionId) {
    let signature = module.types.get(module.funcs.get(id).ty());
    let (parameters, results) = (signature.params().to_vec(), signature.results().to_vec());
    let arguments = parameters.iter().map(|&parameter| module.locals.add(parameter)).collect();
    let mut body = FunctionBuilder::new(&mut module.types, &parameters, &results);
    body.func_body().unreachable();
    module.funcs.get_mut(id).kind = FunctionKind::Local(body.local_func(arguments));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(name: &str) -> Module {
        let mut module = Module::default();
        let mut function = FunctionBuilder::new(&mut module.types, &[], &[]);
        function.name(name.to_owned()).func_body().i32_const(1).drop();
        let id = function.finish(Vec::new(), &mut module.funcs);
        module.exports.add("f", id);
        module
    }

    #[test]
    fn only_what_begins_a_panic_is_silenced() {
        assert_eq!(silence(&mut module("core[c59]::panicking::panic_fmt")).ok(), Some(1));
        let error = silence(&mut module("latchwork::shared::panicking_is_not_this")).expect_err("there is none");
        assert!(error.to_string().contains("no function"));
    }
}
