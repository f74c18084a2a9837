/* SPDX-License-Identifier: MIT */
/* side_thread.h - what the library itself asks of the thread of an interposer. */
#ifndef SIDE_THREAD_H
#define SIDE_THREAD_H

#include <stdbool.h>

struct credentials;

bool side_thread_runs(void);
/* As handler_threads_take_credentials. It answers when it sleeps, or ends. */
bool side_thread_take_credentials(const struct credentials *to);

#endif
