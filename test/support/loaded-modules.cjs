/**
 * Loaded before a program (`node --require`): when it ends, writes into the file that LOADED_MODULES
 * names what it has loaded, its own files and Node's own modules.
 */
const { statSync, writeFileSync } = require('node:fs');
const { basename } = require('node:path');

process.once('exit', () => {
  const files = Object.keys(require.cache).filter((file) => file !== __filename);
  const loaded = {
    files: files.map((file) => basename(file)),
    bytes: files.reduce((sum, file) => sum + statSync(file).size, 0),
    builtins: process.moduleLoadList
      .filter((name) => name.startsWith('NativeModule '))
      .map((name) => name.slice('NativeModule '.length)),
  };
  writeFileSync(process.env.LOADED_MODULES, JSON.stringify(loaded));
});
