// So that what all entries need is one file, not one for each set of entries that needs it.
import "../../bindings-js/src/index.js";

export * from "../../bindings-js/src/web_locks/index.js";
