#!/usr/bin/python3
"""Stops one thread of a process, as nothing but a debugger can: stop_thread.py PID NAME

Says "stopped"; the thread goes on when standard input ends. Exits with 77 where
nobody may trace.
"""
import ctypes
import os
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def trace(request, thread):
    if libc.ptrace(request, thread, None, None) < 0:
        print(os.strerror(ctypes.get_errno()), file=sys.stderr)
        sys.exit(77)


def name_of(thread):
    with open("/proc/%s/task/%s/comm" % (sys.argv[1], thread)) as f:
        return f.read().strip()


threads = [int(t) for t in os.listdir("/proc/%s/task" % sys.argv[1]) if name_of(t) == sys.argv[2]]
if len(threads) != 1:
    sys.exit("%d threads are called %s" % (len(threads), sys.argv[2]))
trace(PTRACE_SEIZE, threads[0])
trace(PTRACE_INTERRUPT, threads[0])
os.waitpid(threads[0], WALL)
print("stopped", flush=True)
sys.stdin.read()
trace(PTRACE_DETACH, threads[0])
