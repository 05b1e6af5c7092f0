"use strict";
/* A diff by words of two texts: [[0 same | -1 removed | 1 added, text], ...]. Greedy over the common ends, then the longest common
   subsequence of what is between, which is bounded. */
function diffWords(before, after) {
  const words = text => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];
  const a = words(before), b = words(after), parts = [];
  let start = 0, end = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const put = (kind, text) => {
    const last = parts[parts.length - 1];
    if (!text) return;
    if (last && last[0] === kind) last[1] += text; else parts.push([kind, text]);
  };
  put(0, a.slice(0, start).join(""));
  const x = a.slice(start, a.length - end), y = b.slice(start, b.length - end);
  if (x.length * y.length > 1500000) { put(-1, x.join("")); put(1, y.join("")); }
  else {
    const width = y.length + 1, table = new Uint16Array((x.length + 1) * width);
    for (let i = x.length - 1; i >= 0; i--)
      for (let j = y.length - 1; j >= 0; j--)
        table[i * width + j] = x[i] === y[j] ? table[(i + 1) * width + j + 1] + 1
          : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
    let i = 0, j = 0;
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) { put(0, x[i]); i++; j++; }
      else if (j >= y.length || (i < x.length && table[(i + 1) * width + j] >= table[i * width + j + 1])) put(-1, x[i++]);
      else put(1, y[j++]);
    }
  }
  put(0, a.slice(a.length - end).join(""));
  return parts;
}
