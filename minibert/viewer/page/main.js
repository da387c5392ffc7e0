import { createRunner, readBundle } from "./model/runner.js";

window.minibert = createRunner(readBundle(document));
