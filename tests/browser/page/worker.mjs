// Runs the suites in a module worker.

import { runSuites } from "./suites.mjs";

self.onmessage = (event) => runSuites(event.data);
