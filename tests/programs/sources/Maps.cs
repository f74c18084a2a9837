// SPDX-License-Identifier: MIT
// Maps of strings, filled by threads, one each, and read again in another order.
using System;
using System.Collections.Generic;
using System.Threading;

static class Maps
{
        const int Threads = 4;

        static string Value(int i)
        {
                return "value " + (i * 2654435761L % 1000003) + new string((char)('a' + i % 26), i % 40);
        }

        static void Fill(Dictionary<string, string> map, int n, int first)
        {
                for (int i = first; i < n; i += Threads) {
                        map["key " + i] = Value(i);
                        if (i % 3 == 0)
                                map.Remove("key " + i / 2 / Threads * Threads);
                }
        }

        static int Main(string[] args)
        {
                int n = int.Parse(args[0]);
                var maps = new Dictionary<string, string>[Threads];
                var threads = new Thread[Threads];
                long length = 0, wrong = 0;
                ulong hash = 14695981039346656037;

                for (int t = 0; t < Threads; t++) {
                        int first = t;
                        maps[t] = new Dictionary<string, string>();
                        threads[t] = new Thread(() => Fill(maps[first], n, first));
                        threads[t].Start();
                }
                foreach (var thread in threads)
                        thread.Join();
                for (int round = 0; round < 2; round++) {
                        for (int t = 0; t < Threads; t++) {
                                foreach (var pair in maps[t]) {
                                        length += pair.Value.Length;
                                        if (pair.Value != Value(int.Parse(pair.Key.Substring(4))))
                                                wrong++;
                                        foreach (char c in pair.Value)
                                                hash = (hash ^ c) * 1099511628211;
                                }
                        }
                        GC.Collect();
                }
                Console.WriteLine("{0} {1} {2} {3} wrong {4} hash {5} {6}", maps[0].Count, maps[1].Count,
                                  maps[2].Count, maps[3].Count, wrong, length, hash);
                return wrong == 0 ? 0 : 1;
        }
}
