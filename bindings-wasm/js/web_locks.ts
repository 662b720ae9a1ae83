export * from "../../bindings-js/src/web_locks/index.js";
