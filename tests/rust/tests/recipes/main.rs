//! The Rust of the recipes, each in its race with several threads, beside a naive form that must lose it.

mod naive;
mod races;

/// What stands in the chapter.
mod recipe {
    include!(concat!(env!("OUT_DIR"), "/recipes.rs"));
}
