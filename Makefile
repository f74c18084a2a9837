# The front door: one line a command. The build itself is CMakeLists.txt, its trees lie in .build/.

# For CMake, in any command that builds; CMAKE_ARGS=-DUNPAGED_WERROR=ON for example.
CMAKE_ARGS ?=
PREFIX ?= /usr/local
jobs := $(shell nproc)
sources = $(shell find lib include backends examples bench tests -name '*.[ch]')

# build,<flavour>,<options>[,<cmake --build arguments>]
build = cmake -S . -B .build/$1 -DCMAKE_INSTALL_PREFIX='$(PREFIX)' $2 $(CMAKE_ARGS) >.build/$1.log || \
	{ cat .build/$1.log; exit 1; }; MAKEFLAGS=--no-print-directory cmake --build .build/$1 -j $(jobs) $3
# test,<flavour>: without the large programs, which are for test-programs. Some tests wait: one more
# than there are CPUs
test = ctest --test-dir .build/$1 -j $(shell expr $(jobs) + 1) --output-on-failure --no-tests=error -LE large
# ThreadSanitizer cannot place its shadow where addresses are randomised over many bits.
fixed_addresses = $$(setarch -R true 2>/dev/null && echo setarch -R)

.PHONY: help build demo test test-programs bench bench-rivals bench-programs plot perf asan tsan debug lint format check-layers install clean setup
# Nothing that make was told is meant for the makefiles that CMake writes.
unexport MAKEFLAGS
.NOTPARALLEL:

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup:
	@mkdir -p .build
	@.ci/setup

build: setup ## build everything
	@$(call build,release)

demo: setup ## build and run the demonstration
	@$(call build,release,,--target demo) && .build/release/examples/demo

test: setup ## build everything and run the tests
	@.ci/setup jq
	@$(call build,release) && $(call test,release)

test-programs: setup ## all real programs, the large ones too (installs them; takes half an hour)
	@tests/programs/setup
	@$(call build,release,,--target unpaged-launcher unpaged-preload programs-measure programs-generate) && \
		ctest --test-dir .build/release -j $(jobs) --output-on-failure --no-tests=error -L programs

bench: setup ## build and run the benchmarks
	@$(call build,release,,--target bench)

bench-rivals: setup ## unpaged beside the kernel's paging, everything, with pictures (as root; takes hours)
	@.ci/setup gnuplot-nox jq
	@$(call build,release,,--target bench-rivals)
	@mkdir -p bench/out && .build/release/bench/bench-rivals --overcommit 1.25,2,4,8 --threads 1,2 --targets \
		--json bench/out/rivals.jsonl
	@.build/release/bench/bench-rivals --scale --json bench/out/rivals.jsonl
	@bench/plot

bench-programs: setup ## real programs beside the kernel's own swapping (as root; takes half an hour)
	@tests/programs/setup
	@$(call build,release,,--target unpaged-launcher unpaged-preload programs-measure programs-generate)
	@bench/programs

plot: ## pictures of what bench-rivals measured, in bench/out
	@.ci/setup gnuplot-nox jq
	@bench/plot

# What `make perf` looks at: workloads, subjects and data of bench-rivals.
WORKLOAD ?= random-read
SUBJECT ?= thread
DATA ?= hard

perf: setup ## where the time goes, as a report and a flame graph; WORKLOAD=, SUBJECT=, DATA=
	@.ci/setup linux-perf
	@$(call build,perf,-DUNPAGED_FRAME_POINTERS=ON,--target bench-rivals unpaged-launcher unpaged-preload)
	@bench/perf --workload '$(WORKLOAD)' --subject '$(SUBJECT)' --data '$(DATA)'

asan: setup ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(call build,asan,-DUNPAGED_SANITIZE=address) && $(call test,asan)

tsan: setup ## the tests under ThreadSanitizer
	@$(call build,tsan,-DUNPAGED_SANITIZE=thread) && $(fixed_addresses) $(call test,tsan)

debug: setup ## the tests without optimisation, with assertions
	@$(call build,debug,-DCMAKE_BUILD_TYPE=Debug) && $(call test,debug)

lint: setup ## static analysis of the sources and the scripts
	@.ci/setup clang-tidy shellcheck
	@$(call build,release,,--target help >/dev/null)
	@echo $(filter %.c,$(sources)) | xargs -n 1 -P $(jobs) clang-tidy --quiet -p .build/release
	@shellcheck .ci/* tests/headers/* tests/install/run tests/launcher/*.sh tests/preload/*.sh tests/preload/compare \
                tests/bench/rivals-selftest tests/bench/check-perf tests/bench/check-plot tests/programs/run \
                tests/programs/setup tests/programs/check-harness bench/programs bench/perf bench/plot

format: ## put every source into the house style
	@.ci/setup clang-format
	@clang-format -i $(sources)

check-layers: ## who includes whom, how long files are, and names that several functions have
	@.ci/check-layers

install: setup ## install under PREFIX (/usr/local), inside DESTDIR if set
	@$(call build,release) && cmake --install .build/release
	@test -n "$(DESTDIR)" || ldconfig 2>/dev/null || echo "now run ldconfig as root"

clean: ## remove every build tree
	rm -rf .build
