# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031 # copies that change are what this is about
# subshells.bash FILE ROUNDS: variables full of FILE, and subshells that change their copies.
mapfile -t lines <"$1"
declare -A by_key
for line in "${lines[@]}"; do
        by_key[${line%% *}]=${line#* }
done
echo "${#lines[@]} ${#by_key[@]}"

sum() {
        local line n=0
        for line in "${lines[@]:$1:200}"; do
                n=$(((n * 31 + ${line##* }) % 1000003))
        done
        echo "$n"
}

for ((i = 0; i < $2; i++)); do
        # A substitution, a subshell with its own copy, a pipeline of three.
        a=$(lines[i]="0 0 $i" && sum "$((i * 100))")
        (
                unset 'lines[3]'
                lines+=("more $i")
                [ "${#lines[@]}" -eq "$((${#by_key[@]} + i))" ] && exit 3
                exit 4
        )
        b=$?
        c=$(printf '%s\n' "${lines[@]:i*50:500}" | sort | { read -r first; cat >/dev/null; echo "$first"; })
        echo "$i $a $b $c"
done

# In the background, several at once, each with an answer of its own.
for i in 1 2 3 4 5 6; do
        (sum "$((i * 1000))" >"answer$i"; exit "$i") &
        jobs[i]=$!
done
for job in "${jobs[@]}"; do
        wait "$job"
        echo "job: $?"
done
# The shell forgets its coprocess when that ends, which may be before all is read: ends of our own.
coproc tr '[:lower:]' '[:upper:]'
from=7 to=8
eval "exec $from<&${COPROC[0]} $to>&${COPROC[1]} ${COPROC[0]}<&- ${COPROC[1]}>&-"
printf '%s\n' "${lines[@]:0:500}" >&"$to"
eval "exec $to>&-"
while read -r line; do echo "$line"; done <&"$from"
wait
printf '%s\n' "${by_key[@]:0:3000}" | sort | cksum
exec bash -c 'echo "$0 $#"; exit 11' last "${lines[@]:0:500}"
