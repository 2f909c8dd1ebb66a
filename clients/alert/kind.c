#include "clients/alert/kind.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *one, *many, *chinese;
} kinds[ALERT_KINDS] = {
    [ALERT_DAEMON_DOWN] = {"daemon_down", "newswired does not answer", "daemons do not answer",
                           "newswired 无应答"},
    [ALERT_INTAKE_STOPPED] = {"intake_stopped", "nothing is taken in", "ways in have stopped",
                              "收稿停止"},
    [ALERT_DEGRADED] = {"degraded", "newswired is not well", "things are wrong with newswired",
                        "newswired 运行异常"},
    [ALERT_DISK_FULL] = {"disk_full", "disk full", "disks full", "磁盘空间不足"},
    [ALERT_KILL_UNCONFIRMED] = {"kill_unconfirmed", "kill not confirmed", "kills not confirmed",
                                "撤稿未确认"},
    [ALERT_NO_PAGE] = {"no_page", "no page came", "pages did not come", "未按时收到版面"},
    [ALERT_OUTLET_FAILING] = {"outlet_failing", "outlet failing", "outlets failing",
                              "转发渠道故障"},
    [ALERT_ITEM_PARKED] = {"item_parked", "item parked", "items parked", "稿件转发被搁置"},
    [ALERT_READER_BEHIND] = {"reader_behind", "reader far behind", "readers far behind",
                             "接收端积压"},
    [ALERT_READER_GONE] = {"reader_gone", "reader gone", "readers gone", "接收端离线"},
    [ALERT_UNSIGNED] = {"unsigned", "checkpoints not signed", "checkpoints not signed",
                        "检查点未能签名"},
    [ALERT_CANNOT_LOOK] = {"cannot_look", "something can't be looked at",
                           "things can't be looked at", "状态无法检查"},
};

const char *alert_kind_name(enum alert_kind kind) {
    return kinds[kind].name;
}

enum alert_kind alert_kind_find(const char *name) {
    size_t i = 0;
    while (i < ALERT_KINDS && strcmp(kinds[i].name, name) != 0)
        i++;
    return (enum alert_kind)i;
}

void alert_kind_title(enum alert_kind kind, size_t n, enum alert_language language, char *ret,
                      size_t size) {
    if (language == ALERT_CHINESE && n == 1)
        snprintf(ret, size, "%s", kinds[kind].chinese);
    else if (language == ALERT_CHINESE)
        snprintf(ret, size, "%s %zu 项", kinds[kind].chinese, n);
    else if (n == 1)
        snprintf(ret, size, "%s", kinds[kind].one);
    else
        snprintf(ret, size, "%zu %s", n, kinds[kind].many);
}
