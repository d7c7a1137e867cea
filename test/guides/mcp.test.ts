import t from 'tap';
import { shows } from './services.ts';

// It runs in test/clients/mcp-sdk.test.ts, with the client of its SDK.
await t.test('the guide of MCP shows the program that is run there', async (t) => {
  shows(t, 'mcp.md', 'mcp-server.mjs', 'js');
});
