/** Raised by a reader; becomes one line that names the setting, what it was and what it takes. */
export class Unreadable extends Error {}
