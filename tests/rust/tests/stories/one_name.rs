//! S4: a hundred sign-ups with one name and different passwords.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use latchwork::{Change, Entry, Error, Space, Tx, key};
use latchwork_tests::poll::now;
use latchwork_tests::stage::{Stage, suspend};
use tokio::sync::Barrier;

const MANY: usize = 100;

/// What a sign-up answers: it has the name, or who has it.
type Answer = Result<(), usize>;

/// How a sign-up is made, when all have come to the same point.
type SignUp = fn(Space<usize>, usize, Arc<Barrier>) -> BoxFuture<'static, Answer>;

fn by_insert(space: Space<usize>, password: usize, barrier: Arc<Barrier>) -> BoxFuture<'static, Answer> {
    async move {
        barrier.wait().await;
        let inserted = space.insert(key!("user", "ada"), password).await.expect("open");
        inserted.map(drop).map_err(|there| there.value.expect("somebody has it"))
    }
    .boxed()
}

fn under_a_lock(space: Space<usize>, password: usize, barrier: Arc<Barrier>) -> BoxFuture<'static, Answer> {
    async move {
        barrier.wait().await;
        let name = key!("user", "ada");
        let guard = space.lock(name.clone()).await.expect("open");
        if let Some(there) = space.get(name.clone()).await.expect("open").value {
            return Err(there);
        }
        suspend().await;
        space.set(name, password).guard(&guard).await.expect("held");
        Ok(())
    }
    .boxed()
}

fn by_update(space: Space<usize>, password: usize, barrier: Arc<Barrier>) -> BoxFuture<'static, Answer> {
    async move {
        barrier.wait().await;
        let update = space.update_async(key!("user", "ada"), async |entry: Entry<usize>| {
            suspend().await;
            if entry.value.is_some() { Change::Keep } else { Change::Set(password) }
        });
        let done = update.await.expect("it succeeds");
        if done.changed { Ok(()) } else { Err(done.value.expect("somebody has it")) }
    }
    .boxed()
}

fn by_transaction(space: Space<usize>, password: usize, barrier: Arc<Barrier>) -> BoxFuture<'static, Answer> {
    async move {
        barrier.wait().await;
        let transaction = space.transact(async |tx: Tx<usize>| {
            let there = tx.get(key!("user", "ada")).await?.value;
            suspend().await;
            match there {
                Some(there) => Ok(Err(there)),
                None => tx.set(key!("user", "ada"), password).map(Ok),
            }
        });
        Result::<_, Error>::expect(transaction.await, "it succeeds").value
    }
    .boxed()
}

/// As people write it: look, then write.
fn query_then_write(space: Space<usize>, password: usize, barrier: Arc<Barrier>) -> BoxFuture<'static, Answer> {
    async move {
        let there = space.get(key!("user", "ada")).await.expect("open").value;
        barrier.wait().await;
        match there {
            Some(there) => Err(there),
            None => {
                space.set(key!("user", "ada"), password).await.expect("open");
                Ok(())
            }
        }
    }
    .boxed()
}

/// Who got the name, and what is stored.
fn sign_up(stage: Stage, how: SignUp) -> (Vec<Answer>, usize) {
    let (space, barrier) = (Space::with_cells(), Arc::new(Barrier::new(MANY)));
    let answers = stage.run((0..MANY).map(|password| how(space.clone(), password, barrier.clone())).collect());
    let stored = now(space.get(key!("user", "ada"))).expect("open").value.expect("somebody has it");
    (answers, stored)
}

#[test]
fn one_gets_the_name_and_all_others_are_told_who() {
    for stage in Stage::ALL {
        for how in [by_insert as SignUp, under_a_lock, by_update, by_transaction] {
            let (answers, stored) = sign_up(stage, how);
            let winners: Vec<usize> = (0..MANY).filter(|password| answers[*password].is_ok()).collect();
            assert_eq!(winners, [stored], "{stage:?}");
            assert!(answers.iter().filter_map(|answer| answer.as_ref().err()).all(|there| *there == stored));
        }
    }
}

/// The control: who looks first and writes then overwrites the others.
#[test]
fn control_query_then_write_signs_up_several() {
    for stage in Stage::ALL {
        let (answers, _) = sign_up(stage, query_then_write);
        assert!(answers.iter().filter(|answer| answer.is_ok()).count() >= 2, "{stage:?}");
    }
}
