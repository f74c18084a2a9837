// SPDX-License-Identifier: MIT
// heap.js COUNT: objects that live and die, buffers outside the heap, code compiled on the way.
'use strict';
const crypto = require('crypto');
const count = Number(process.argv[2]);

const table = new Map();
for (let i = 0; i < count; i++)
        table.set(`key ${i}`, {id: i, words: [`a${i}`, `b${i % 100}`], next: null});
let last = null;
for (const value of table.values()) {
        value.next = last;
        last = value;
}
for (let i = 0; i < count; i += 3)
        table.delete(`key ${i}`);
let length = 0, sum = 0;
for (let v = last; v; v = v.next) {
        length++;
        sum = (sum * 31 + v.id) % 1000003;
}
console.log(table.size, length, sum);

const buffers = [];
for (let i = 0; i < 40; i++)
        buffers.push(Buffer.alloc(500000, `buffer ${i}`));
const hash = crypto.createHash('sha256');
buffers.forEach((b) => hash.update(b));
console.log(hash.digest('hex'));

const f = new Function('a', 'n', 'let s = 0; for (let i = 0; i < n; i++) s = (s + a[i % a.length] * i) % 99991; return s;');
console.log(f(new Float64Array(100000).map((_, i) => i % 77), count * 20));
console.log(JSON.stringify([...table.entries()].slice(0, 20000).map(([k, v]) => [k, v.words])).length);
