// What a worker thread runs: it blocks for so many milliseconds; for 0 it does nothing.
'use strict';
const never = new Int32Array(new SharedArrayBuffer(4));

module.exports = (ms) => {
  if (ms > 0) {
    Atomics.wait(never, 0, 0, ms);
  }
};
