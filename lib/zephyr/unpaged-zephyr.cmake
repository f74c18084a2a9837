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
# The eviction algorithm and the backing store are among SOURCES, where they are known by the functions
# they define (EVICTION and STORE name them where that cannot be read, as they are generated); or they
# come from the Zephyr tree that ZEPHYR_BASE (variable or environment) names, with
# CONFIG_EVICTION_LRU/NRU and CONFIG_BACKING_STORE_RAM; or, where there is neither, they are the
# library's own. A file lru.c, nru.c, ram.c says which CONFIG_ is meant where nothing else does.
# UNPAGED_POLICY and UNPAGED_STORE, when set, replace what the program has chosen.
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

# Finds what plays a role of the machine, by a function it defines, and which choice of Kconfig that is:
# where CONFIG_<role>_* is not said, the one of the file's name. Removes it from the caller's
# arg_SOURCES; sets file_<role> and config_<role>_<choice>.
macro(unpaged_zephyr_role role function named choices tree)
        set(file_${role} ${named})
        foreach(source ${arg_SOURCES})
                cmake_path(ABSOLUTE_PATH source OUTPUT_VARIABLE path)
                if(EXISTS ${path})
                        file(STRINGS ${path} defines REGEX "^([a-z_].*[ *])?${function} *\\([^;]*$")
                        if(defines)
                                list(REMOVE_ITEM arg_SOURCES ${source})
                                set(file_${role} ${source})
                        endif()
                endif()
        endforeach()

        set(chosen "")
        foreach(choice ${choices})
                if(config_${role}_${choice})
                        set(chosen ${choice})
                endif()
        endforeach()
        if(file_${role} AND NOT chosen)
                cmake_path(GET file_${role} STEM stem)
                string(TOUPPER ${stem} chosen)
                if(NOT ";${choices};" MATCHES ";${chosen};")
                        set(chosen CUSTOM)
                endif()
        endif()
        string(TOLOWER "${tree}/${chosen}.c" path)
        if(NOT file_${role} AND chosen AND EXISTS ${zephyr_base}/subsys/demand_paging/${path})
                set(file_${role} ${zephyr_base}/subsys/demand_paging/${path})
        endif()
        foreach(choice ${choices})
                set(config_${role}_${choice} n)
        endforeach()
        if(NOT config_DEMAND_PAGING OR NOT "${replace_${role}}" STREQUAL "")
                set(file_${role} "")
                set(chosen "")
        endif()
        if(config_DEMAND_PAGING AND NOT chosen)
                set(chosen UNPAGED)
        endif()
        if(chosen)
                unpaged_zephyr_set(${role}_${chosen}=y)
        endif()
endmacro()

# What depends on other values.
macro(unpaged_zephyr_choose)
        unpaged_zephyr_set(USERSPACE=n SMP=n) # there is one mode, and no processor to tell apart
        if(UNPAGED_POLICY)
                unpaged_zephyr_set("UNPAGED_POLICY=\"${UNPAGED_POLICY}\"")
        endif()
        if(UNPAGED_STORE)
                unpaged_zephyr_set("UNPAGED_STORE=\"${UNPAGED_STORE}\"")
        endif()
        if(NOT config_DEMAND_PAGING)
                unpaged_zephyr_set(DEMAND_MAPPING=n EVICTION_TRACKING=n DEMAND_PAGING_STATS=n)
        elseif(config_EVICTION_LRU OR config_EVICTION_UNPAGED OR
                        (config_EVICTION_CUSTOM AND NOT DEFINED config_EVICTION_TRACKING))
                unpaged_zephyr_set(EVICTION_TRACKING=y)
        endif()
        if(NOT DEFINED config_UNPAGED_STORE_PAGES)
                unpaged_zephyr_set(UNPAGED_STORE_PAGES=${config_BACKING_STORE_RAM_PAGES})
        endif()
        if(NOT config_DEMAND_PAGING_STATS)
                unpaged_zephyr_set(DEMAND_PAGING_THREAD_STATS=n DEMAND_PAGING_TIMING_HISTOGRAM=n)
        endif()
endmacro()

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
                UNPAGED_STORE_DELAY_US=0 UNPAGED_STORE_FAIL_AFTER=0)
        foreach(file ${arg_PRJ_CONF})
                set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
                file(STRINGS ${file} lines REGEX "^CONFIG_[A-Z0-9_]+=")
                unpaged_zephyr_set(${lines})
        endforeach()
        unpaged_zephyr_set(${arg_CONFIG})

        set(zephyr_base ${ZEPHYR_BASE})
        if(NOT zephyr_base)
                set(zephyr_base "$ENV{ZEPHYR_BASE}")
        endif()
        set(replace_EVICTION ${UNPAGED_POLICY})
        set(replace_BACKING_STORE ${UNPAGED_STORE})
        unpaged_zephyr_role(EVICTION k_mem_paging_eviction_select "${arg_EVICTION}" "NRU;LRU;CUSTOM"
                eviction)
        unpaged_zephyr_role(BACKING_STORE k_mem_paging_backing_store_page_out "${arg_STORE}"
                "RAM;CUSTOM" backing_store)
        unpaged_zephyr_choose()

        list(REMOVE_DUPLICATES keys)
        foreach(key ${keys})
                if(config_${key} STREQUAL "y")
                        list(APPEND definitions CONFIG_${key}=1)
                elseif(NOT config_${key} STREQUAL "n" AND NOT config_${key} STREQUAL "")
                        list(APPEND definitions "CONFIG_${key}=${config_${key}}")
                endif()
        endforeach()

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
        # One entry a file is enough for tools that read the compile commands.
        get_property(listed GLOBAL PROPERTY unpaged_zephyr_listed)
        if(listed)
                set_target_properties(${arg_NAME}-runtime PROPERTIES EXPORT_COMPILE_COMMANDS OFF)
        endif()
        set_property(GLOBAL PROPERTY unpaged_zephyr_listed ON)
        add_executable(${arg_NAME} ${arg_SOURCES} ${file_EVICTION} ${file_BACKING_STORE})
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
