/** An event of the process: its standard output is gone, and a server drains before it ends. */
export const OUTPUT_LOST = 'signet:output-lost';
