//! Arrows between crates: tests → bindings → core, and few dependencies in the core.

/// What the core may be built on.
const CORE_DEPENDENCIES: [&str; 8] =
    ["foldhash", "futures", "futures-core", "hashbrown", "parking_lot", "slab", "smallvec", "triomphe"];

/// Model checkers, each of which the core may name where it is asked for by `--cfg`.
const CHECKERS: [&str; 2] = ["loom", "shuttle"];

/// What points the wrong way in one manifest.
pub(crate) fn check(path: &str, text: &str) -> Vec<String> {
    let folder = path.strip_suffix("/Cargo.toml").unwrap_or_default();
    let mut found = Vec::new();
    for (section, name) in dependencies(text) {
        let own = name.starts_with("latchwork") || name.starts_with("xtask");
        let allowed = match folder {
            "" => true,
            "core" if section.starts_with("dev-") => !own,
            "core" if CHECKERS.contains(&name.as_str()) => section == format!("target.'cfg({name})'.dependencies"),
            "core" => CORE_DEPENDENCIES.contains(&name.as_str()),
            "xtask" | "xtask/bindgen" => !own,
            _ if folder.starts_with("bindings-") => !own || name == "latchwork",
            _ => !name.starts_with("xtask"),
        };
        if !allowed {
            found.push(format!("{path}: {folder} may not depend on `{name}`"));
        }
    }
    found
}

/// The names under every `…dependencies` heading, and the heading.
fn dependencies(text: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(heading) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = heading.to_owned();
            if let Some((before, name)) = heading.rsplit_once('.')
                && before.ends_with("dependencies")
            {
                let kind = before.rsplit('.').next().unwrap_or_default();
                found.push((kind.to_owned(), name.to_owned()));
                section = String::new();
            }
        } else if section.ends_with("dependencies")
            && !line.starts_with('#')
            && let Some((name, _)) = line.split_once('=')
        {
            let name = name.trim().split('.').next().unwrap_or_default().trim_matches('"');
            found.push((section.clone(), name.to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_every_form_are_read() {
        let text = "[package]\nname = \"a\"\n[dependencies]\nslab = \"1\"\nlatchwork.workspace = true\n# x = 1\n\
                    [dev-dependencies.loom]\nversion = \"1\"\n[target.'cfg(loom)'.dependencies]\nrand = \"1\"\n[lints]\nworkspace = true";
        let names: Vec<_> = dependencies(text).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["slab", "latchwork", "loom", "rand"]);
    }

    #[test]
    fn wrong_arrows_are_refused() {
        let depends = |name: &str| format!("[dependencies]\n{name} = \"1\"\n");
        assert!(check("core/Cargo.toml", &depends("slab")).is_empty());
        assert!(check("core/Cargo.toml", "[dev-dependencies]\nloom = \"1\"\n").is_empty());
        assert!(check("core/Cargo.toml", "[target.'cfg(loom)'.dependencies]\nloom = \"1\"\n").is_empty());
        assert_eq!(check("core/Cargo.toml", "[target.'cfg(loom)'.dependencies]\nslog = \"1\"\n").len(), 1);
        assert!(check("bindings-node/Cargo.toml", &depends("latchwork")).is_empty());
        assert!(check("tests/rust/Cargo.toml", &depends("latchwork-node")).is_empty());
        for (path, name) in [
            ("core/Cargo.toml", "tokio"),
            ("core/Cargo.toml", "latchwork-node"),
            ("core/Cargo.toml", "loom"),
            ("bindings-node/Cargo.toml", "latchwork-wasm"),
            ("bindings-python/Cargo.toml", "latchwork-tests"),
            ("xtask/Cargo.toml", "latchwork"),
            ("tests/rust/Cargo.toml", "xtask"),
        ] {
            assert_eq!(check(path, &depends(name)).len(), 1, "{path}: {name}");
        }
    }
}
