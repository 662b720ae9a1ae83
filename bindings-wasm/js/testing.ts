export * from "../../bindings-js/src/testing.js";
