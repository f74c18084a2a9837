# SPDX-License-Identifier: MIT
# unpaged_zephyr_add(): host programs from Zephyr's sources. Needs a target unpaged::unpaged.
#
#   unpaged_zephyr_add(NAME <name> SOURCES <file>... [EVICTION <file>] [STORE <file>]
#           [PRJ_CONF <file>...] [CONFIG <key>=<value>...] [LINK_SECTIONS <section>...])
#
# makes an executable <name>. The runtime is compiled for the program, as Zephyr's kernel is, since
# Kconfig values change its structures; programs of one directory share what is equal in both.
# Values are those of Kconfig, key with or without CONFIG_: y and n, numbers, strings in quotes.
# Later ones win: defaults below, PRJ_CONF files (lines CONFIG_X=value; what is not known does
# nothing), CONFIG.
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

# Sets `out` to the CONFIG_ keys that the files name, and configures anew when one of them changes.
function(unpaged_zephyr_named out)
        set(named)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARGN})
        foreach(file ${ARGN})
                file(STRINGS ${file} lines REGEX "CONFIG_[A-Z0-9_]+")
                string(REGEX MATCHALL "CONFIG_[A-Z0-9_]+" found "${lines}")
                list(APPEND named ${found})
        endforeach()
        list(REMOVE_DUPLICATES named)
        list(SORT named)
        set(${out} "${named}" PARENT_SCOPE)
endfunction()

# unpaged_zephyr_library(out keys file...): sets `out` to a library of these files' objects, compiled
# with those of the caller's `definitions` whose keys are among `keys`; others cannot change the files.
# Its name is a hash of all that makes it what it is, so whoever wants an equal one gets the same.
function(unpaged_zephyr_library out keys)
        set(values)
        foreach(definition ${definitions})
                string(REGEX REPLACE "=.*" "" key "${definition}")
                if(key IN_LIST keys)
                        list(APPEND values "${definition}")
                endif()
        endforeach()
        list(SORT values)
        set(made_of ${CMAKE_CURRENT_SOURCE_DIR} ${ARGN} ${values})
        foreach(property COMPILE_OPTIONS COMPILE_DEFINITIONS INCLUDE_DIRECTORIES)
                get_directory_property(value ${property})
                list(APPEND made_of "${property} ${value}")
        endforeach()
        string(MD5 hash "${made_of}")
        set(library unpaged-zephyr-runtime-${hash})
        set(${out} ${library} PARENT_SCOPE)
        if(TARGET ${library})
                return()
        endif()

        add_library(${library} OBJECT ${ARGN})
        target_include_directories(${library} PRIVATE
                $<TARGET_PROPERTY:unpaged::unpaged,INTERFACE_INCLUDE_DIRECTORIES>)
        target_compile_definitions(${library} PRIVATE ${values})
        target_link_libraries(${library} PRIVATE unpaged-zephyr)
        set_target_properties(${library} PROPERTIES C_STANDARD 11 C_EXTENSIONS ON)
        # One entry a file is enough for tools that read the compile commands.
        get_property(listed GLOBAL PROPERTY unpaged_zephyr_listed)
        list(GET ARGN 0 first)
        if(first IN_LIST listed)
                set_target_properties(${library} PROPERTIES EXPORT_COMPILE_COMMANDS OFF)
        endif()
        set_property(GLOBAL APPEND PROPERTY unpaged_zephyr_listed ${first})
endfunction()

# unpaged_zephyr_runtime(out file...): sets `out` to the libraries of the runtime. Most files read only
# what the headers read, which few programs of a directory have of their own; the rest is small.
function(unpaged_zephyr_runtime out)
        file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/*.h
                ${unpaged_zephyr_include}/zephyr/*.h ${unpaged_zephyr_include}/zephyr-kernel/*.h)
        unpaged_zephyr_named(common ${headers})
        set(keys ${common})
        set(files)
        set(common_files)
        foreach(file ${ARGN})
                unpaged_zephyr_named(named ${file})
                list(REMOVE_ITEM named ${common})
                if(named)
                        list(APPEND files ${file})
                        list(APPEND keys ${named})
                else()
                        list(APPEND common_files ${file})
                endif()
        endforeach()
        unpaged_zephyr_library(first "${common}" ${common_files})
        unpaged_zephyr_library(second "${keys}" ${files})
        set(${out} ${first} ${second} PARENT_SCOPE)
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
        unpaged_zephyr_runtime(runtime ${runtime})
        add_executable(${arg_NAME} ${arg_SOURCES} ${file_EVICTION} ${file_BACKING_STORE})
        # Zephyr's sources are held to Zephyr's warnings.
        target_compile_options(${arg_NAME} PRIVATE -Wno-conversion -Wno-sign-conversion -Wno-shadow
                -Wno-pointer-arith -Wno-strict-prototypes -Wno-missing-prototypes -Wno-type-limits
                -Wno-vla -Wno-unused-parameter -Wno-sign-compare -Wno-format)
        target_compile_definitions(${arg_NAME} PRIVATE ${definitions})
        target_link_libraries(${arg_NAME} PRIVATE unpaged-zephyr ${runtime})
        set_target_properties(${arg_NAME} PROPERTIES C_STANDARD 11 C_EXTENSIONS ON)
        if(config_EVICTION_UNPAGED OR config_BACKING_STORE_UNPAGED)
                target_link_libraries(${arg_NAME} PRIVATE unpaged::unpaged)
        endif()
        foreach(section ${arg_LINK_SECTIONS})
                target_link_options(${arg_NAME} PRIVATE
                        -Wl,--defsym=__${section}_start=__start_${section}
                        -Wl,--defsym=__${section}_end=__stop_${section})
        endforeach()
endfunction()
