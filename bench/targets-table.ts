import { heldTargets, newestReports, readReasons } from './held.ts';
import { targetsMarkdown } from './report.ts';
import { installation } from './results.ts';

// Writes the table of targets in bench/README.md from the kept runs and reasons.json: after a reason was written.
installation('targets', targetsMarkdown(heldTargets(newestReports(), readReasons())));
