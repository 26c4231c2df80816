// libssh2, and the Linux calls that Swift's Glibc module does not carry: epoll, eventfd and mallopt.
#pragma once
#include <libssh2.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
