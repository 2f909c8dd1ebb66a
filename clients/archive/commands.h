/*
 * The commands of newswire-archive: each has its own options and --help, and
 * returns the code to exit with. newswire-archive.c has them as a table.
 */
#pragma once

int archive_run(int argc, char **argv);
int archive_search(int argc, char **argv);
int archive_show(int argc, char **argv);
int archive_verify(int argc, char **argv);
int archive_stats(int argc, char **argv);
int archive_export(int argc, char **argv);
int archive_import(int argc, char **argv);
int archive_feed(int argc, char **argv);
int archive_metrics(int argc, char **argv);
