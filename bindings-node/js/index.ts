export * from "../../bindings-js/src/index.js";
