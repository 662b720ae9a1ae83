//! What only wasm-bindgen's own script needs: that is for addresses and values of JavaScript, and none of ours are.

use walrus::Module;

/// Takes out what the script of wasm-bindgen would begin with, and gives what the host brings its own name. `wasm-opt` then leaves
/// out what was only there for that.
pub(crate) fn remove(module: &mut Module) {
    let own = |name: &str| name.starts_with("__");
    let found: Vec<_> = module.exports.iter().filter(|export| own(&export.name)).map(|export| export.id()).collect();
    for export in found {
        module.exports.delete(export);
    }
    for import in module.imports.iter_mut() {
        // `__wbg_now_` and a hash.
        if let Some((name, _)) = import.name.strip_prefix("__wbg_").and_then(|name| name.rsplit_once('_')) {
            import.name = name.to_owned();
            import.module = "host".to_owned();
        }
    }
}

#[cfg(test)]
mod tests {
    use walrus::FunctionBuilder;

    use super::*;

    #[test]
    fn what_has_a_name_of_ours_stays() {
        let mut module = Module::default();
        for name in ["__wbindgen_start", "lock"] {
            let function = FunctionBuilder::new(&mut module.types, &[], &[]).finish(Vec::new(), &mut module.funcs);
            module.exports.add(name, function);
        }
        let ty = module.types.add(&[], &[]);
        module.add_import_func("./a.js", "__wbg_now_04a4eb7447748ed8", ty);
        remove(&mut module);
        assert_eq!(module.imports.iter().map(|import| (&*import.module, &*import.name)).next(), Some(("host", "now")));
        let names: Vec<&str> = module.exports.iter().map(|export| export.name.as_str()).collect();
        assert_eq!(names, ["lock"]);
    }
}
