# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# make -j2 with a job server in a pipe, hundreds of shells and small compilations.
packages="make gcc"
large=yes
needs="make gcc"
processes=0 # each is small; what counts is that all of them run

prepare() {
        local i
        for i in $(seq "$(scaled 12)"); do
                printf 'int part_%d(int a) { return a * %d; }\n' "$i" "$i" >"part$i.c"
        done
        cat >Makefile <<'END'
SRC = $(wildcard $(IN)/part*.c)
OBJ = $(sort $(notdir $(SRC:.c=.o)))
VPATH = $(IN)
lib.a: $(OBJ) ; ar Drcs $@ $(OBJ)
%.o: %.c ; gcc -O1 -c $< -o $@ && echo $(shell expr 3 + 4) >$*.txt
END
}

program() {
        "$@" make -s -j2 -f "$input/Makefile" IN="$input"
}
