# SPDX-License-Identifier: MIT
# unpaged_zephyr_add(): host programs from Zephyr's sources. Needs a target unpaged::unpaged.
#
#   unpaged_zephyr_add(NAME <name> SOURCES <file>... [EVICTION <file>] [STORE <file>]
#           [PRJ_CONF <file>...] [CONFIG <key>=<value>...] [LINK_SECTIONS <section>...])
#
# makes an executable <name>. The runtime is compiled anew for each program, as Zephyr's kernel is,
# since Kconfig values change its structures. Values are those of Kconfig, key with or without
# CONFIG_: y and n, numbers, strings in quotes. Later ones win: defaults below, PRJ_CONF files (lines
# CONFIG_X=value; what is not known does nothing), CONFIG.
#
# The eviction algorithm and the backing store are either among SOURCES, or named by EVICTION and
# STORE; or, with CONFIG_EVICTION_LRU/NRU and CONFIG_BACKING_STORE_RAM, come from the Zephyr tree that
# ZEPHYR_BASE (variable or environment) names. Where nothing says CONFIG_EVICTION_* or
# CONFIG_BACKING_STORE_* they are the library's own. UNPAGED_POLICY and UNPAGED_STORE, when set,
# replace what the program chose, EVICTION and STORE included.
#
# LINK_SECTIONS s: the symbols __s_start and __s_end bound what is __in_section_unique(s).

include_guard(GLOBAL)

set(UNPAGED_POLICY "" CACHE STRING
        "Run Zephyr programs under this policy (fifo, random, nru, lru, sieve), whatever they choose.")
set(UNPAGED_STORE "" CACHE STRING
        "Run Zephyr programs on this store (zram, file), whatever they choose.")

set(unpaged_zephyr_include ${CMAKE_CURRENT_LIST_DIR}/include) # as installed
if(NOT EXISTS ${unpaged_zephyr_include})
        cmake_path(SET unpaged_zephyr_include NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../../include)
endif()

# What every part of such a program is compiled and linked with, but for its configuration.
add_library(unpaged-zephyr INTERFACE)
target_include_directories(unpaged-zephyr INTERFACE
        ${unpaged_zephyr_include} ${unpaged_zephyr_include}/zephyr-kernel)
target_compile_definitions(unpaged-zephyr INTERFACE _GNU_SOURCE)
find_package(Threads REQUIRED)
target_link_libraries(unpaged-zephyr INTERFACE Threads::Threads)

# Sets config_<key> in the caller's scope for every <key>=<value>.
macro(unpaged_zephyr_set)
        foreach(setting ${ARGN})
                if(NOT setting MATCHES "^(CONFIG_)?([A-Z0-9_]+)=(.*)$")
                        message(FATAL_ERROR "${setting}: must be CONFIG_KEY=value")
                endif()
                set(config_${CMAKE_MATCH_2} "${CMAKE_MATCH_3}")
                list(APPEND keys ${CMAKE_MATCH_2})
        endforeach()
endmacro()

# What depends on other values. The same as above.
macro(unpaged_zephyr_choose)
        unpaged_zephyr_set(USERSPACE=n SMP=n) # there is one mode, and no processor to tell apart
        if(UNPAGED_POLICY)
                set(config_UNPAGED_POLICY "\"${UNPAGED_POLICY}\"")
                foreach(choice NRU LRU CUSTOM)
                        set(config_EVICTION_${choice} n)
                endforeach()
        endif()
        if(UNPAGED_STORE)
                set(config_UNPAGED_STORE "\"${UNPAGED_STORE}\"")
                foreach(choice RAM CUSTOM)
                        set(config_BACKING_STORE_${choice} n)
                endforeach()
        endif()
        if(NOT config_DEMAND_PAGING)
                unpaged_zephyr_set(DEMAND_MAPPING=n EVICTION_TRACKING=n DEMAND_PAGING_STATS=n)
        elseif(NOT (config_EVICTION_NRU OR config_EVICTION_LRU OR config_EVICTION_CUSTOM))
                unpaged_zephyr_set(EVICTION_UNPAGED=y EVICTION_TRACKING=y)
        elseif(config_EVICTION_LRU)
                unpaged_zephyr_set(EVICTION_TRACKING=y)
        elseif(config_EVICTION_CUSTOM AND NOT DEFINED config_EVICTION_TRACKING)
                unpaged_zephyr_set(EVICTION_TRACKING=y)
        endif()
        if(config_DEMAND_PAGING AND NOT (config_BACKING_STORE_RAM OR config_BACKING_STORE_CUSTOM))
                unpaged_zephyr_set(BACKING_STORE_UNPAGED=y)
                if(NOT DEFINED config_UNPAGED_STORE_PAGES)
                        unpaged_zephyr_set(UNPAGED_STORE_PAGES=${config_BACKING_STORE_RAM_PAGES})
                endif()
        endif()
        if(NOT config_DEMAND_PAGING_STATS)
                unpaged_zephyr_set(DEMAND_PAGING_THREAD_STATS=n DEMAND_PAGING_TIMING_HISTOGRAM=n)
        endif()
endmacro()

# A file of a Zephyr tree for `choice`, unless the program has one.
function(unpaged_zephyr_from_tree result choice path)
        if(NOT config_${choice} OR ${result})
                return()
        endif()
        if(NOT ZEPHYR_BASE)
                set(ZEPHYR_BASE "$ENV{ZEPHYR_BASE}")
        endif()
        if(ZEPHYR_BASE AND EXISTS ${ZEPHYR_BASE}/subsys/demand_paging/${path})
                set(${result} ${ZEPHYR_BASE}/subsys/demand_paging/${path} PARENT_SCOPE)
        endif()
endfunction()

function(unpaged_zephyr_add)
        cmake_parse_arguments(arg "" "NAME;EVICTION;STORE" "SOURCES;PRJ_CONF;CONFIG;LINK_SECTIONS"
                ${ARGN})
        if(NOT arg_NAME OR NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
                message(FATAL_ERROR "unpaged_zephyr_add: NAME and SOURCES are needed, "
                        "${arg_UNPARSED_ARGUMENTS} is not known")
        endif()

        # Zephyr's own, but for those that a host or a program of demand paging wants otherwise.
        unpaged_zephyr_set(
                MMU=y MMU_PAGE_SIZE=0x1000 KERNEL_VM_SIZE=0x800000 KERNEL_VM_OFFSET=0
                SRAM_BASE_ADDRESS=0x100000 SRAM_SIZE=256 UNPAGED_FRAMES_MAX=4096
                DEMAND_PAGING=y DEMAND_MAPPING=y DEMAND_PAGING_PAGE_FRAMES_RESERVE=0
                DEMAND_PAGING_TIMING_HISTOGRAM_NUM_BINS=10
                EVICTION_NRU_PERIOD=100 BACKING_STORE_RAM_PAGES=16
                SYS_CLOCK_HW_CYCLES_PER_SEC=1000000000 SYS_CLOCK_TICKS_PER_SEC=1000000000
                ASSERT=y ZTEST=y MULTITHREADING=y
                UNPAGED_POLICY="sieve" UNPAGED_STORE="zram"
                UNPAGED_STORE_DELAY_US=0 UNPAGED_STORE_FAIL_AFTER=-1)
        foreach(file ${arg_PRJ_CONF})
                set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
                file(STRINGS ${file} lines REGEX "^CONFIG_[A-Z0-9_]+=")
                unpaged_zephyr_set(${lines})
        endforeach()
        unpaged_zephyr_set(${arg_CONFIG})
        unpaged_zephyr_choose()

        list(REMOVE_DUPLICATES keys)
        foreach(key ${keys})
                if(config_${key} STREQUAL "y")
                        list(APPEND definitions CONFIG_${key}=1)
                elseif(NOT config_${key} STREQUAL "n" AND NOT config_${key} STREQUAL "")
                        list(APPEND definitions "CONFIG_${key}=${config_${key}}")
                endif()
        endforeach()

        # An algorithm and a store of the program's, unless they are replaced.
        if(NOT UNPAGED_POLICY)
                set(eviction ${arg_EVICTION})
                unpaged_zephyr_from_tree(eviction EVICTION_LRU eviction/lru.c)
                unpaged_zephyr_from_tree(eviction EVICTION_NRU eviction/nru.c)
        endif()
        if(NOT UNPAGED_STORE)
                set(store ${arg_STORE})
                unpaged_zephyr_from_tree(store BACKING_STORE_RAM backing_store/ram.c)
        endif()

        set(dir ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
        file(GLOB runtime CONFIGURE_DEPENDS ${dir}/*.c)
        if(NOT config_EVICTION_UNPAGED)
                list(REMOVE_ITEM runtime ${dir}/eviction.c)
        endif()
        if(NOT config_BACKING_STORE_UNPAGED)
                list(REMOVE_ITEM runtime ${dir}/backing_store.c)
        endif()
        add_library(${arg_NAME}-runtime OBJECT ${runtime})
        target_include_directories(${arg_NAME}-runtime PRIVATE
                $<TARGET_PROPERTY:unpaged::unpaged,INTERFACE_INCLUDE_DIRECTORIES>)
        add_executable(${arg_NAME} ${arg_SOURCES} ${eviction} ${store})
        # Zephyr's sources are held to Zephyr's warnings.
        target_compile_options(${arg_NAME} PRIVATE -Wno-conversion -Wno-sign-conversion -Wno-shadow
                -Wno-pointer-arith -Wno-strict-prototypes -Wno-missing-prototypes -Wno-type-limits
                -Wno-vla -Wno-unused-parameter -Wno-sign-compare -Wno-format)
        foreach(target ${arg_NAME} ${arg_NAME}-runtime)
                target_compile_definitions(${target} PRIVATE ${definitions})
                target_link_libraries(${target} PRIVATE unpaged-zephyr)
                set_target_properties(${target} PROPERTIES C_STANDARD 11 C_EXTENSIONS ON)
        endforeach()
        target_link_libraries(${arg_NAME} PRIVATE ${arg_NAME}-runtime)
        if(config_EVICTION_UNPAGED OR config_BACKING_STORE_UNPAGED)
                target_link_libraries(${arg_NAME} PRIVATE unpaged::unpaged)
        endif()
        foreach(section ${arg_LINK_SECTIONS})
                target_link_options(${arg_NAME} PRIVATE
                        -Wl,--defsym=__${section}_start=__start_${section}
                        -Wl,--defsym=__${section}_end=__stop_${section})
        endforeach()
endfunction()
