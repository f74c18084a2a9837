// SPDX-License-Identifier: MIT
import java.util.HashMap;

// Fills a map with strings, and looks them up again.
public class Maps {
        public static void main(String[] arguments) {
                int n = Integer.parseInt(arguments[0]);
                HashMap<String, String> map = new HashMap<>();
                long sum = 0;

                for (int i = 0; i < n; i++)
                        map.put("key " + i, "value " + i * 7919L % 1000003);
                for (int i = 0; i < n; i += 3)
                        sum += map.get("key " + i).hashCode();
                System.out.println(map.size() + " " + sum);
        }
}
