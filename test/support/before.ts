// Runs once before all test files: creates the migrated template of the embedded test databases.
import { embeddedTemplate } from './database.ts';

await embeddedTemplate();
