/** Nothing: what `npx zx` of a script costs before the script does anything. */
export {}
