#include "proto/rules.h"

#include "proto/topic.h"

#include <ctype.h>
#include <errno.h>
#include <unictype.h>
#include <unistr.h>

#define PAGE(member) offsetof(struct rules, page.member)
#define LIST(key, words, text)                                                                     \
    { .name = #key, .type = CONFIG_LIST, .offset = PAGE(key), .fallback = words, .help = text }
static const char *const unplaced_words[] = {"take", "hold", NULL};

#define COLUMNS(key, value, text)                                                                  \
    {                                                                                              \
        .name = #key, .type = CONFIG_UINT, .offset = PAGE(key), .min = 4, .max = 400,              \
        .fallback = value, .help = text                                                            \
    }
#define STRING(key, value, text)                                                                   \
    { .name = #key, .type = CONFIG_STRING, .offset = PAGE(key), .fallback = value, .help = text }

static const struct config_key page_keys[] = {
    LIST(brief_labels,
         "时政简讯 | 简讯 | 简明新闻 | 要闻速览 | 新闻速览 | 一句话新闻 | 短讯 | 快讯 | 短波 | "
         "简报 | "
         "要闻集锦 | 动态 | BRIEFS | IN BRIEF | NEWS IN BRIEF | NEWS BRIEFS | ROUND-UP | ROUNDUP | "
         "SHORTS | AT A GLANCE",
         "Lines under which each short title starts a brief."),
    LIST(brief_label_endings,
         "简讯 | 速览 | 短讯 | 快讯 | 短波 | 速递 | 快递 | 集锦 | 播报 | 短新闻 | 动态 | BRIEFS | "
         "IN BRIEF",
         "Endings of further such labels, for lines no wider than label_columns."),
    LIST(photo_labels,
         "图片新闻 | 图片报道 | 新闻图片 | 摄影报道 | 图说新闻 | 光影 | PICTURE NEWS | IN PICTURES "
         "| "
         "PHOTO NEWS | PICTURES",
         "Lines under which each item is a photo with its caption."),
    LIST(column_labels,
         "聚焦 | 关注 | 走进 | 直击 | 专题 | 特别报道 | 特稿 | 本报专稿 | 深度 | 观察 | 记者调查 | "
         "热点 | FOCUS | "
         "SPECIAL REPORT | FEATURE",
         "Beginnings of a kicker that is the name of a column."),
    LIST(dateline_words, "讯 | 电", "Endings of a dateline: 本报讯, 本报4月8日电."),
    LIST(dateline_starts, "本报 | 本刊 | 新华社 | 中新社 | 本台",
         "Beginnings of a dateline that needs no space behind it."),
    LIST(dateline_dashes, "— | – | -- | -",
         "What ends a Latin dateline (HARTWELL — …), with a space behind it."),
    LIST(byline_markers, "□ | ■ | ◎ | ○ | ☐", "Signs that stand before the names of a byline."),
    LIST(byline_roles,
         "本报全媒体记者 | 全媒体记者 | 融媒体记者 | 本报特约记者 | 特约记者 | 本报通讯员 | "
         "本报见习记者 | "
         "见习记者 | 实习记者 | 实习生 | 首席记者 | 本报记者 | 记者 | 特约通讯员 | 通讯员 | 作者 | "
         "撰文 | 文/图 | 图/文 | "
         "文/ | 图/ | 文字 | 图文 | 整理 | 本报评论员 | 评论员 | By | Words by | Story by | Report "
         "by | "
         "Reported by | Compiled by",
         "What a person in a byline is called; leaves the byline. Longer words before shorter "
         "ones."),
    LIST(
        byline_titles,
        "Staff Reporter | Staff Reporters | Staff Writer | Staff Writers | Staff Correspondent | "
        "Special Correspondent | Local Democracy Reporter | Local Democracy Reporters | Reporter | "
        "Reporters | Correspondent | Correspondents | Editor | Staff",
        "What stands behind a name in a Latin byline: By Jane Doe, Staff Reporter."),
    LIST(byline_joins, "and | & | with", "Words between two names in a Latin byline."),
    LIST(byline_tails, "摄影报道 | 文/图 | 图/文 | 文图 | 图文 | 报道 | 整理 | 编译 | 文 | 图",
         "What stands behind the names of a byline and leaves it."),
    LIST(surnames,
         "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕 | "
         "苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史 | "
         "顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛 | "
         "伍韦申尤毕聂丛焦向柳邢路岳齐沿梅莫庄辛管祝左涂谷祁时舒耿牟卜詹关苗凌费纪靳盛童欧 | "
         "甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司柏宁柯阮桂闵解强柴华车冉房边辜吉 | "
         "饶刁瞿戚丘古米池滕晋苑邬臧畅宫来嵺苟全褚廉简娄盖符奚木穆党燕郎邸冀谈姬屠连郜晏栾 | "
         "郁商蒙计喻揭窦迟宇敖糜鄢冷卓花仇艾蓝都巩稽井练仲乐虞卞封竺冼原官衣楚佟栗匡宗应台 | "
         "巫鞠僧桑荆谌银扬明沙薄伏岑习胥保和蔺水云麦禾荀蒲尚农羊惠芮储昌支咎管经裘缪干宣贲 | "
         "邓郁单杭诸石崔吉钮龚嵇滑裴陆荣翁荀於甄曲家封靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车 | "
         "全班仰秋仲伊宫暴甘厉戎祖武符景詹束幸司韶郜黎薄印宿怀蒲邰从鄂索咸籍卓屠池阴苍双闻 | "
         "党谭贡劳逄姬申扶堵冉宰雍却璩桑濮寿通扈冀郏浦尚温别晏柴瞿阎充慕茹宦艾鱼容古慎戈庾 | "
         "终暨居衡步耿弘国寇广禄阙东殴殳沃利蔚越夔隆师厍聂晁勾敖融訾辛阚那空曾毋沙乜养须丰 | "
         "巢关蒯相后红权逯益桓公闫肖佘付代邝仝芈诺 | 欧阳 | 司马 | 诸葛 | 上官 | 夏侯 | 令狐 | "
         "皇甫 | 尉迟 | 慕容 | 司徒 | 端木 | 东方 | 独孤 | 南宫",
         "Surnames, by which names in brackets without a role are told from other words in "
         "brackets. Each ideograph of a word longer than two is a surname by itself."),
    LIST(photo_roles,
         "摄影报道 | 摄影 | 供图 | 摄 | 图 | Photo by | Photos by | Photograph by | Photographs by "
         "| Picture by | Pictures by | Picture: | Pictures: | Photo: | Photos: | Photograph: | "
         "Credit:",
         "Words of a photographer's credit: 王禾 摄, Photo: Jane Doe."),
    LIST(photo_openings,
         "图为 | 上图为 | 下图为 | 左图为 | 右图为 | 这是 4月 | 上图: | 下图: | 左图: | 右图: | "
         "图片: | Pictured: | Pictured above | Pictured | Above: | Below: | Photo: | Caption:",
         "Beginnings of a sentence that only a photo's caption has."),
    LIST(caption_endings,
         "一角 | 现场 | 场景 | 外景 | 内景 | 全景 | 远景 | 近景 | 一景 | 掠影 | 风光 | 美景 | 景象 "
         "| 情景 | 画面 | 资料图 | 资料图片 | 效果图 | 示意图 | 合影 | 航拍 | 俯瞰 | 鸟瞰 | 剪影 | "
         "图景 | 景色 | 夜景 | 雪景 | 风貌 | 新貌 | 车间 | 样品",
         "Endings of a short noun phrase that is a caption when it stands below a headline."),
    LIST(caption_remarks,
         "见上图 | 见下图 | 见左图 | 见右图 | 见图 | 上图 | 下图 | 左图 | 右图 | 资料图 | 资料图片 "
         "| 图片资料 | 完 | 待续 | 未完待续 | 略 | File photo | Archive",
         "Remarks in brackets that stay in the text; they are no names."),
    LIST(figure_marks,
         "图① | 图② | 图③ | 图④ | 图⑤ | 图⑥ | 图⑦ | 图⑧ | 图⑨ | 图1 | 图2 | 图3 | 图4 | 图5 | 图6 "
         "| 图7 | 图8 | 图9 | 图一 | 图二 | 图三 | 图四 | 图五 | 图六 | 本组图片 | 本版图片",
         "Beginnings of a caption of several pictures."),
    LIST(bullets, "■ | ◆ | ▲ | ● | ★ | ◇ | △ | ▼ | ▶ | ► | ☆ | • | ※",
         "Signs before a crosshead or before a brief that has its title inside."),
    LIST(numerals, "一 | 二 | 三 | 四 | 五 | 六 | 七 | 八 | 九 | 十",
         "Numbers of a crosshead, before 、 or in brackets."),
    LIST(box_labels,
         "编者按 | 编后 | 编后语 | 编者的话 | 相关链接 | 新闻链接 | 延伸阅读 | 链接 | 记者手记 | "
         "采访手记 | 手记 | 短评 | 记者观察 | 新闻背景 | 背景链接 | 名词解释 | 小贴士 | 知识链接 | "
         "专家点评 | 点评 | Editor's note | Editor’s note | Background | Related | Reporter's "
         "notebook | Reporter’s notebook | Factbox | Fact file",
         "What a box beside a story is called, alone on a line or before a colon."),
    LIST(reviewer_labels,
         "初审 | 复审 | 终审 | 一审 | 二审 | 三审 | 责任编辑 | 责编 | 执行编辑 | 值班编辑 | 审核 | "
         "审签 | 监制 | 签发 | 编辑 | 校对 | 编审 | Reviewed by | Edited by",
         "Before a colon: who let the text through."),
    LIST(furniture_words,
         "导读 | 今日导读 | 本版导读 | 内容导读 | 今日看点 | 内容提要 | INSIDE | INSIDE TODAY | IN "
         "THIS ISSUE | ON OTHER PAGES",
         "What teasers stand under."),
    LIST(folio_words,
         "版式 | 美编 | 版面 | 组版 | 主编 | 电话 | 热线 | 邮箱 | 电子邮箱 | 版面编辑 | 新闻热线 | "
         "邮编 | 国内统一刊号 | 统一刊号 | 见习编辑 | Design | Layout | Telephone | Newsdesk",
         "Before a colon, in a line that is no story: who made the page and how to reach it."),
    LIST(jump_to, "下转 | 转 | 详见 | Continued on | Cont'd on | Continues on | Turn to | See",
         "Before a page, in brackets or alone: where the story goes on."),
    LIST(jump_from, "上接 | 紧接 | 接 | Continued from | Cont'd from | From",
         "Before a page, in brackets or alone: where the story comes from."),
    LIST(kicker_endings, "—— | ―― | ── | : | :", "Endings of a line that is a kicker."),
    LIST(subheadline_openings, "—— | ―― | ── | — | --", "Beginnings of a subheadline."),
    LIST(list_openings, "—— | ―― | ── | —", "Beginnings of a paragraph that is part of a list."),
    LIST(place_endings,
         "区 | 县 | 市 | 镇 | 乡 | 村 | 街道 | 省 | 州 | 旗 | 盟 | 社区 | 农场 | 林场",
         "Endings of a place's name that stands alone on a line, as a kicker."),
    LIST(title_hanging,
         "的 | 、 | 与 | 和 | 在 | 为 | 让 | 将 | 等 | 从 | 把 | 向 | 对 | 及 | 以 | 由 | 被 | 使 "
         "| 到 | 是 | 着 | of | the | to | for | and | in | a | an | with | on | at | by | from | "
         "as | over | into | or",
         "What a line ends with that is only the first half of a headline."),
    LIST(title_continuing,
         "迎来 | 喜迎 | 迎 | 喜获 | 获 | 荣获 | 成为 | 成 | 变 | 变身 | 入选 | 亮相 | 开幕 | 落幕 "
         "| 启动 | 开工 | 竣工 | 投用 | 通车 | 开建 | 举行 | 召开 | 举办 | 正式 | 全面 | 让 | 使 | "
         "为 | 与 | 和 | 的 | 在 | 到 | 铺就 | 结出 | 奏响 | 点亮 | 照亮 | 托起 | 撑起 | 擦亮 | "
         "敲开 | 打开 | 走上 | 走出 | 走进 | 鼓起 | 开出 | 绽放 | 进入 | 突破 | 超 | 达 | 增 | 将 "
         "| 已 | 正 | 有了 | 用上 | 喝上 | 住进 | 实现 | 完成 | 见成效 | 显成效 | 丰收 | 焕发 | 再 "
         "| 也 | 受 | 引来 | 带来 | 上 | 下 | 忙 | 开镰 | 开园 | 开门 | 开通 | 上线 | 落地 | 落户 "
         "| 揭牌 | 挂牌",
         "What the second line of a headline begins with when the first one is only half of it."),
    LIST(title_opening,
         "深化 | 推进 | 聚焦 | 践行 | 贯彻 | 落实 | 加强 | 坚持 | 强化 | 优化 | 创新 | 打造 | 建设 "
         "| 发展 | 弘扬 | 学习 | 开展 | 做好 | 抓好 | 全力 | 全面 | 着力 | 大力 | 扎实 | 奋进 | "
         "喜迎 | 迎接 | 助力 | 守护 | 关注",
         "What a line begins with that is a phrase by itself, so a kicker and no half of a "
         "headline."),
    LIST(weekdays,
         "星期一 | 星期二 | 星期三 | 星期四 | 星期五 | 星期六 | 星期日 | 星期天 | 周一 | 周二 | "
         "周三 | 周四 | 周五 | 周六 | 周日 | Monday | Tuesday | Wednesday | Thursday | Friday | "
         "Saturday | Sunday",
         "Days in a page's folio line."),
    LIST(months,
         "January | February | March | April | May | June | July | August | September | October | "
         "November | December",
         "The twelve months, in order; three letters of one are enough on a page."),
    LIST(paper_endings,
         "报 | 日报 | 晚报 | 时报 | 周刊 | 周报 | Gazette | Herald | Times | Post | News | Mail | "
         "Echo | Chronicle | Courier | Journal | Mercury | Observer | Tribune | Examiner | "
         "Advertiser | Press",
         "Endings of a paper's name in a folio line."),
    LIST(page_words, "Page | Pg. | Pg | P.", "Before a page's number; 第…版 is always known."),
    COLUMNS(title_columns, "72", "The greatest width of a title's line, in terminal columns."),
    COLUMNS(crosshead_columns, "30", "The greatest width of a crosshead without a number or sign."),
    COLUMNS(label_columns, "24", "The greatest width of a label that is known by its ending."),
    {.name = "unplaced",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct rules_page, unplaced),
     .choices = unplaced_words,
     .fallback = "take",
     .help = "What becomes of a page of which more than stray punctuation is in no article: take "
             "(with a warning), or hold until a person approves its articles."},
    STRING(file_name_pattern, "{publication}-{date}-{page}",
           "How a file's name (without its ending) gives publication, date and page: {publication} "
           "and {*} stand for any text, {date} for 2031-04-09 or 20310409, {page} for letters and "
           "digits. A name of another form gives nothing."),
    STRING(publication, NULL, "The paper, when neither header, folio line nor file name tells."),
    STRING(language, NULL,
           "The language (BCP 47) when the header does not tell; empty: zh-Hans or en by script."),
    {0},
};

const struct config_section rules_table_page = {
    .name = "page",
    .help = "How newspaper pages are read.",
    .keys = page_keys,
};

#define SECTION(member) offsetof(struct rules_section, member)

static const char *const signature_words[] = {"ignore", "verify", "require", NULL};

static const struct config_key section_keys[] = {
    {.name = "titles",
     .type = CONFIG_LIST,
     .offset = SECTION(titles),
     .help = "Printed titles; the first is shown to people."},
    {.name = "labels",
     .type = CONFIG_LIST,
     .offset = SECTION(labels),
     .help = "Lines on a page that open this section."},
    {.name = "keywords",
     .type = CONFIG_LIST,
     .offset = SECTION(keywords),
     .help = "An article without a label belongs here when its headline or text has one of these."},
    {.name = "names",
     .type = CONFIG_LIST,
     .offset = SECTION(names),
     .help = "Its name in several languages, for those who subscribe: zh-Hans: 时政简讯 | en: "
             "Politics briefs. Without them the titles are told."},
    {.name = "media_topics",
     .type = CONFIG_WORDS,
     .offset = SECTION(media_topics),
     .help = "IPTC Media Topics, such as medtop:11000000: an article without a label that has one "
             "of them as a subject belongs here."},
    {.name = "gbt20093",
     .type = CONFIG_WORDS,
     .offset = SECTION(gbt20093),
     .help = "Codes of GB/T 20093 (Chinese news categories), of like effect."},
    {.name = "release",
     .type = CONFIG_STRING,
     .offset = SECTION(release),
     .fallback = "immediately",
     .help = "When articles go: immediately, or approve:2 for when two different persons have "
             "approved each with newswirectl."},
    {.name = "signature",
     .type = CONFIG_CHOICE,
     .offset = SECTION(signature),
     .choices = signature_words,
     .fallback = "ignore",
     .help = "What is wanted of an article's signature: ignore, verify (one that is not good, or "
             "not of a known [origin], is refused) or require (and so is an article without)."},
    {0},
};

static struct rules_section *section_new(struct arena *a, struct rules *r, const char *key) {
    struct rules_section *s = arena_alloc(a, sizeof *s);
    if (s == NULL || config_section_defaults(a, section_keys, s) < 0 ||
        article_push(a, (void ***)&r->sections, &r->n_sections, s) < 0)
        return NULL;
    s->key = key;
    return s;
}

/* The first section that config names replaces the built-in ones. */
static void *section_instance(struct arena *a, void *destination, const char *instance) {
    struct rules *r = destination;
    if (!r->sections_configured) {
        r->sections_configured = true;
        r->n_sections = 0;
    }
    return section_new(a, r, instance);
}

static bool section_valid(const char *instance) {
    return topic_section_valid(slice_of(instance));
}

const struct config_section rules_table_section = {
    .name = "section",
    .help = "A section: the desk or column that an article belongs to.",
    .keys = section_keys,
    .instance = section_instance,
    .instance_valid = section_valid,
};

/* ---- the built-in sections */

struct built_in {
    const char *key, *titles[8], *labels[32];
};

static const struct built_in built_in[] = {
    {"news", {"要闻", "News"}, {"综合新闻", "本地新闻", "新闻", "Local news", "County news"}},
    {"politics", {"时政", "Politics"}, {"时政要闻", "时政新闻"}},
    {"economy", {"经济", "Economy", "Business"}, {"财经", "经济新闻"}},
    {"society", {"社会", "Society"}, {"民生", "社会新闻"}},
    {"culture", {"文化", "Culture"}, {"文旅", "文化新闻"}},
    {"education", {"教育", "Education"}, {"科教"}},
    {"sports", {"体育", "Sport", "Sports"}, {"体育新闻"}},
    {"briefs",
     {"简讯", "Briefs", "In brief"},
     {"时政简讯",      "要闻速览",    "新闻速览", "简明新闻", "一句话新闻", "短讯",       "快讯",
      "短波",          "速览",        "速递",     "简报",     "集锦",       "播报",       "动态",
      "News in brief", "News briefs", "Round-up", "Roundup",  "Shorts",     "At a glance"}},
    {"photos",
     {"图片新闻", "Pictures"},
     {"图片报道", "新闻图片", "摄影报道", "图说新闻", "光影", "Picture news", "In pictures",
      "Photo news"}},
};

static int push_all(struct arena *a, struct text_list *list, const char *const *words) {
    for (; *words != NULL; words++)
        if (text_list_add(a, list, *words, strlen(*words)) < 0)
            return -ENOMEM;
    return 0;
}

int rules_defaults(struct arena *a, struct rules *ret) {
    const struct config_section *const tables[] = {&rules_table_page, NULL};
    *ret = (struct rules){0};
    int r = config_defaults(a, tables, ret);
    for (size_t i = 0; r == 0 && i < sizeof built_in / sizeof *built_in; i++) {
        struct rules_section *s = section_new(a, ret, built_in[i].key);
        if (s == NULL || push_all(a, &s->titles, built_in[i].titles) < 0 ||
            push_all(a, &s->labels, built_in[i].labels) < 0)
            r = -ENOMEM;
    }
    return r;
}

/* ---- choosing */

/* The bytes of the white space at p (ASCII's and U+3000), 0 when it is none. */
static size_t blank_at(const uint8_t *p, const uint8_t *end) {
    if (p < end && (*p <= ' '))
        return 1;
    return end - p >= 3 && memcmp(p, "\xe3\x80\x80", 3) == 0 ? 3 : 0;
}

static const uint8_t *skip_blank(const uint8_t *p, const uint8_t *end) {
    for (size_t n; (n = blank_at(p, end)) > 0;)
        p += n;
    return p;
}

bool rules_word_equal(const char *word, struct slice text) {
    const uint8_t *w = (const uint8_t *)word, *w_end = w + strlen(word);
    const uint8_t *t = text.data, *t_end = t + text.len;
    for (;;) {
        w = skip_blank(w, w_end);
        t = skip_blank(t, t_end);
        if (w == w_end || t == t_end)
            return w == w_end && t == t_end;
        if (tolower(*w++) != tolower(*t++))
            return false;
    }
}

static bool list_has(const struct text_list *list, const char *name) {
    for (size_t i = 0; i < list->n; i++)
        if (rules_word_equal(list->items[i], slice_of(name)))
            return true;
    return false;
}

const struct rules_section *rules_section_find(const struct rules *r, const char *name) {
    for (size_t i = 0; i < r->n_sections; i++)
        if (strcmp(r->sections[i]->key, name) == 0)
            return r->sections[i];
    for (size_t i = 0; i < r->n_sections; i++)
        if (list_has(&r->sections[i]->titles, name) || list_has(&r->sections[i]->labels, name))
            return r->sections[i];
    return NULL;
}

static bool list_ends(const struct text_list *list, const char *name) {
    size_t len = strlen(name);
    for (size_t i = 0; i < list->n; i++) {
        size_t n = strlen(list->items[i]);
        if (n < len &&
            rules_word_equal(list->items[i], (struct slice){(const uint8_t *)name + len - n, n}))
            return true;
    }
    return false;
}

/* The number of "medtop:11000000", "11000000" or http://cv.iptc.org/newscodes/mediatopic/11000000.
 */
static struct slice code_of(const char *text) {
    const char *start = text + strlen(text);
    while (start > text && start[-1] != ':' && start[-1] != '/')
        start--;
    return slice_of(start);
}

static bool has_code(const struct text_list *codes, const Article *article) {
    for (size_t i = 0; i < codes->n; i++)
        for (size_t k = 0; k < article->n_subjects; k++) {
            const Subject *s = article->subjects[k];
            struct slice wanted = code_of(codes->items[i]);
            if (wanted.len > 0 &&
                (slice_equal(wanted, code_of(s->code)) || slice_equal(wanted, code_of(s->uri))))
                return true;
        }
    return false;
}

static const struct rules_section *find_by_ending(const struct rules *r, const char *label) {
    for (size_t i = 0; i < r->n_sections; i++)
        if (list_ends(&r->sections[i]->titles, label) || list_ends(&r->sections[i]->labels, label))
            return r->sections[i];
    return NULL;
}

static bool mentions(const struct text_list *keywords, const Article *article) {
    for (size_t i = 0; i < keywords->n; i++) {
        if (strstr(article->headline, keywords->items[i]) != NULL)
            return true;
        for (size_t b = 0; b < article->n_blocks; b++)
            if (strstr(article->blocks[b]->text, keywords->items[i]) != NULL)
                return true;
    }
    return false;
}

const struct rules_section *rules_section_choose(const struct rules *r, const Article *article) {
    if (article->section[0] != '\0')
        return rules_section_find(r, article->section);
    const struct rules_section *s = NULL;
    if (article->section_label[0] != '\0')
        s = rules_section_find(r, article->section_label);
    if (s == NULL && article->section_label[0] != '\0')
        s = find_by_ending(r, article->section_label);
    for (size_t i = 0; s == NULL && i < r->n_sections; i++)
        if (has_code(&r->sections[i]->media_topics, article) ||
            has_code(&r->sections[i]->gbt20093, article))
            s = r->sections[i];
    for (size_t i = 0; s == NULL && i < r->n_sections; i++)
        if (mentions(&r->sections[i]->keywords, article))
            s = r->sections[i];
    return s;
}

static bool has_letters(const char *text) {
    const uint8_t *p = (const uint8_t *)text;
    size_t left = strlen(text);
    while (left > 0) {
        ucs4_t c;
        int n = u8_mbtouc(&c, p, left);
        if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N))
            return true;
        p += n;
        left -= (size_t)n;
    }
    return false;
}

bool rules_wants_review(const struct rules *r, const struct parsed *parsed) {
    bool any = false;
    for (size_t i = 0; i < parsed->unplaced.n && !any; i++)
        any = has_letters(parsed->unplaced.items[i]);
    return any && r->page.unplaced == RULES_UNPLACED_HOLD;
}
