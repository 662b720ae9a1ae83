//! Makes modules of the recipes' Rust, so that their races are run: `recipes.rs`, a module for each title.

use std::path::Path;
use std::{env, fs};

fn main() {
    let chapter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/src/docs/recipes.md");
    println!("cargo::rerun-if-changed={}", chapter.display());
    let text = fs::read_to_string(chapter).expect("the chapter is there");
    let modules: String = text.split("\n## ").skip(1).map(module).collect();
    let folder = env::var_os("OUT_DIR").expect("cargo says where to");
    fs::write(Path::new(&folder).join("recipes.rs"), modules).expect("the modules are written");
}

fn module(recipe: &str) -> String {
    let (title, text) = recipe.split_once('\n').expect("a recipe has a text");
    let name = title.to_lowercase().replace([' ', '-'], "_");
    let code = text.split("```rust\n").nth(1).and_then(|code| code.split("```").next());
    // Of the module, for the tests around it.
    let code = code.expect("a recipe has its Rust").replace("\nasync fn", "\npub(crate) async fn");
    format!("pub(crate) mod {name} {{\n{code}}}\n")
}
