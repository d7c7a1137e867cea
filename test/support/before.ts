// Runs once before all test files: makes the migrated template that every embedded test database begins with.
import { embeddedTemplate } from './database.ts';

await embeddedTemplate();
