import { heldTargets, newestReports, readReasons } from './held.ts';
import { targetsMarkdown } from './report.ts';
import { place } from './results.ts';

// Writes the table of targets in bench/README.md from the kept runs and reasons.json: after a reason was written.
place('targets', targetsMarkdown(heldTargets(newestReports(), readReasons())));
