"""The report's page in Chinese: its texts, put in place of the English ones once the page is written.

What people and companies have named (columns, products, labels, models' versions) stays as it is; segments and the
reasons of unusual orders have Chinese words of their own and come here with them.
"""

import html
import re

_SAME = {
    "To the content": "跳到正文", "Parts": "各部分", "Figures": "数据", "Nothing here yet. Type": "这里还没有内容。请输入",
    "The record": "数据记录", "Customers": "客户", "Orders": "订单", "Products": "商品", "Interactions": "沟通记录", "Last day": "最后一天",
    "What the models learn from. Features are as of the last day, so that nothing later leaks in.":
        "模型学习所用的数据。特征截至最后一天，之后的信息不会混入。",
    "The last imports; the marked ones rejected rows": "最近的导入；标出的有被拒绝的行", "when": "时间", "kind": "类型", "file": "文件",
    "taken": "接受", "rejected": "拒绝", "What is read of each customer, with the value in the middle": "从每位客户读取的内容（取中间值）",
    "feature": "特征", "unknown": "未知", "Churn": "客户流失", "Churn on a table": "表格数据的流失", "Risk on a table": "表格数据的风险", "Fairness": "公平性",
    "Segments": "客户分群", "Recommendation": "推荐", "Lifetime value": "客户终身价值", "Forecast": "预测",
    "Sentiment and intents": "情绪与意图", "Scorecard": "评分卡", "Orders that stand out": "异常订单",
    "Versions and drift": "版本与漂移", "Average precision": "平均精确率", "Log loss": "对数损失", "Brier score": "Brier 分数",
    "Lift in the top 10 %": "前 10% 的提升度", "Calibration error": "校准误差", "said by the model": "模型给出的概率",
    "Calibration: does what it says happen?": "校准：模型说的会发生吗？", "happened": "实际发生", "said": "模型给出",
    "rows": "行数", "tenth": "十分位", "times the average rate": "为平均发生率的倍数", "What the scores rest on": "分数取决于什么",
    "Lift: how much more often it happens, by score from the highest tenth down": "提升度：按分数从高到低，每十分之一比平均多发生多少倍",
    "column": "列", "share of all contributions": "占全部影响的比例", "model": "模型", "average precision": "平均精确率",
    "Candidates in the same cross-validation; the lowest log loss is kept": "同一交叉验证中的候选模型；保留对数损失最低者",
    "log loss": "对数损失", "linear": "线性", "boosted": "提升树", "boosted-deep": "深提升树", "sequence": "序列模型",
    "event": "发生", "no event": "未发生", "called": "已联系", "not called": "未联系", "real rate": "实际发生率",
    "called wrongly": "误联系", "missed": "遗漏", "group": "组", "(none)": "（无）", "none": "无",
    "Rates and errors by group, for columns that were named sensitive; the models don't read those columns.":
        "对标为敏感的列，按组列出比率与错误率；模型不读取这些列。",
    "Silhouette": "轮廓系数", "how far apart, up to 1": "各群相距多远，最大为 1", "Stability": "稳定性",
    "same customers together in samples, up to 1": "抽样后同一批客户是否仍在一群，最大为 1", "first direction": "第一方向",
    "second direction": "第二方向", "segment": "分群", "customers": "客户数", "Profiles": "概况", "share": "占比", "profile": "概况",
    "Ways that were compared": "比较过的方法", "method": "方法", "segments": "分群数", "silhouette": "轮廓系数",
    "stability": "稳定性", "smallest share": "最小占比", "hierarchical": "层次聚类", "k-means": "K 均值", "Coverage": "覆盖率",
    "of products are shown to somebody": "的商品至少展示给一位客户", "Recall@10, all purchases": "召回率@10，全部购买",
    "Recall@10, only products new to the customer": "召回率@10，只算客户没买过的商品", "ranking": "排序方法", "coverage": "覆盖率",
    "Recall@10": "召回率@10", "recall@5": "召回率@5", "recall@10": "召回率@10", "popularity": "热门程度", "recent popularity": "近期热门程度",
    "The dashed line is popularity; the coloured bar is the ranking in use.": "虚线为热门程度；彩色条为正在使用的排序方法。",
    "BG/NBD for how often customers still buy, Gamma-Gamma for how much they spend.":
        "用 BG/NBD 估计客户今后购买的频率，用 Gamma-Gamma 估计每次消费的金额。",
    "this model": "本模型", "mean error": "平均误差", "everybody goes on at the own past rate": "每位客户保持以往频率", "chance": "可能性",
    "Customers by the chance that they still buy": "按仍会购买的可能性划分的客户",
    "Weekly orders and revenue. MASE below 1 is better than repeating the season; the band should hold 8 of 10 weeks.":
        "每周订单数与收入。MASE 低于 1 即优于重复上一季；区间应包含十周中的八周。",
    "Inside the interval": "落在区间内", "of test weeks, 80 % wanted": "的测试周，目标为 80%", "Series": "序列", "so far": "至今",
    "forecast": "预测", "week": "周", "orders": "订单数", "revenue": "收入", "low": "下限", "high": "上限", "series": "序列", "way": "方法",
    "Orders a week, and the next eight weeks": "每周订单数与今后八周", "Revenue a week, and the next eight weeks": "每周收入与今后八周",
    "seasonal naive": "季节朴素法", "inside the interval": "落在区间内", "ETS on a yearly wave": "年度波动上的 ETS",
    "ETS and seasonal naive": "ETS 与季节朴素法",
    "Figures are leave-one-out over the example sentences, or of held-out rows of a company's own table.":
        "数据来自例句的留一法，或公司自有表格中留出的行。",
    "positive": "正面", "neutral": "中性", "negative": "负面", "label": "标签", "examples": "例句数", "precision": "精确率",
    "recall": "召回率", "mood": "情绪", "complaints": "投诉", "month": "月份", "messages": "消息数",
    "How customers' messages sounded (-1 to 1), and the share of complaints, by month": "各月客户消息的情绪（-1 到 1）与投诉占比",
    "Gini": "基尼系数", "Calibration": "校准", "Calibration of the scorecard": "评分卡的校准", "bad cases": "坏样本", "points": "分值",
    "The card: a customer's points are the sum over the columns": "评分卡：客户得分为各列分值之和", "value": "取值",
    "missing or new": "缺失或新值", "any": "任意值",
    "By an isolation forest over amount, pieces, hour and the customer's own habit. A flag is a reason to look, no more.":
        "用孤立森林考察金额、件数、时间与客户自身习惯。标记只是提请查看，别无他意。",
    "Flagged": "已标记", "orders, 0.5 % of all": "笔订单，占全部的 0.5%", "Flagged orders by day and amount": "已标记订单的日期与金额",
    "amount": "金额", "flagged": "已标记", "The most unusual": "最不寻常的订单", "order": "订单", "customer": "客户", "day": "日期", "why": "原因",
    "Every training run is kept; crm-assistant models rollback NAME puts the version before back in place.":
        "每次训练都会保留；crm-assistant models rollback NAME 可恢复上一版本。",
    "Drift of the churn model's columns since training (population stability index)": "流失模型各列自训练以来的漂移（群体稳定性指数）",
    "verdict": "结论", "steady": "稳定", "moved": "有变动", "changed": "已改变", "version": "版本", "trained": "训练时间", "figure": "指标",
    "data": "数据", "comparison": "比较", "the first model": "第一个模型", "Versions; the marked ones are in place": "各版本；标出的为当前使用的版本",
    "The churn model's columns are as they were in training: no need to train again.": "流失模型各列与训练时相同：无须重新训练。",
    "better": "更好", "worse": "更差", "about as good": "大致相当", "no figure that both models have": "两个模型没有共同的指标",
    "it numbers the rows: every row has its own value": "为行编号：每行的值都不同",
    "it names the rows: almost every row has its own value": "为行命名：几乎每行的值都不同",
    "it names the rows": "为行命名", "left out on request": "按要求排除", "no value in any row": "所有行都没有值",
    "the same value in every row": "所有行的值相同", "the record says the same about everyone": "所有客户的值都一样",
    "sensitive: named so, and not used by default": "敏感：按指定不予使用", "hours": "小时",
    "not trained yet": "尚未训练", "the example sentences have changed": "例句已改变",
}  # fmt: skip
# (pattern, text); what a group holds is translated as well
_WITH_VALUES = [
    (r"(.+): models", "{0}：模型"), (r"models", "模型"), (r"(.+): what the models know", "{0}：模型所知"), (r"what the models know", "模型所知"),
    (r"Written (\S+ \S+) UTC; record as of (\S+)\.", "写于 {0} UTC；数据截至 {1}。"), (r"Written (\S+ \S+) UTC\.", "写于 {0} UTC。"),
    (r"(.+) on a table", "表格数据：{0}"),
    (r"A customer has a subscription or ordered in the last (\d+) days; one leaves who within (\d+) days has cancelled the "
     r"subscription, or without one places no order\.",
     "客户指有订阅或最近 {0} 天内下过单的人；{1} 天内取消订阅、或没有订阅且未下单，即为流失。"),
    (r"(.+): the event is (.+)\.", "{0}：发生指取值为 {1}。"), (r"± (\S+) over folds", "各折标准差 ± {0}"),
    (r"Calibration in (\d+) groups; mean distance (\S+)", "分 {0} 组的校准；平均偏差 {1}"),
    (r"said (\S+), happened (\S+), (\S+) rows", "模型给出 {0}，实际 {1}，{2} 行"),
    (r"The highest tenth has (\S+) times the average rate", "最高的十分之一为平均发生率的 {0} 倍"), (r"tenth (\d+)(: .+)?", "第 {0} 个十分位{1}"),
    (r"Most important: (.+)", "最重要：{0}"), (r"Who would be called at a score of (\S+) or more", "分数达到 {0} 时应联系的客户"),
    (r"Precision (\S+), recall (\S+) there\.", "此时精确率 {0}，召回率 {1}。"),
    (r"Learned from earlier days and tried on the newest: AUC (\S+), Brier (\S+)\.", "用较早的数据训练、在最新一天上检验：AUC {0}，Brier {1}。"),
    (r"Left out (.+?): (.+)", "未使用 {0}：{1}"), (r"free text \((\S+) words on average\)", "自由文本（平均 {0} 个词）"),
    (r"the same values as (.+)", "与 {0} 的值相同"),
    (r"it alone separates the classes almost perfectly \(AUC (\S+)\)", "单凭这一列就几乎能完全区分结果（AUC {0}）"),
    (r"it is filled in only where the event happened \((\S+) of (\S+) rows\)", "只有在发生之后才会填写（{1} 行中的 {0} 行）"),
    (r"by its name it is known only afterwards, and alone it reaches AUC (\S+)", "从名称看事后才会知道，单凭它 AUC 就达到 {0}"),
    (r"it is named after the target, and alone it reaches AUC (\S+)", "名称与目标列相同，单凭它 AUC 就达到 {0}"),
    (r"Rates and errors of (\S+) by (.+), (\d+) groups", "{0} 按 {1} 的比率与错误率，共 {2} 组"),
    (r"((?:\S+: )?.+): (\S+) of (.+) are flagged, (\S+) of (.+) \(their real rates: (\S+) and (\S+)\)",
     "{0}：{2} 中有 {1} 被标记，{4} 中有 {3}（实际发生率分别为 {5} 与 {6}）"),
    (r"((?:\S+: )?.+): (\S+) of (.+) are flagged wrongly, (\S+) of (.+)", "{0}：{2} 中有 {1} 被误标记，{4} 中有 {3}"),
    (r"((?:\S+: )?.+): (\S+) of (.+) are missed, (\S+) of (.+)", "{0}：{2} 中有 {1} 被遗漏，{4} 中有 {3}"),
    (r"((?:\S+: )?.+): for (.+) the model says (\S+) on average, the real rate is (\S+)", "{0}：对 {1}，模型平均给出 {2}，实际发生率为 {3}"),
    (r"Customers on the two main directions \((\S+) of the differences\)", "客户在两个主要方向上的分布（涵盖 {0} 的差异）"),
    (r"Measured on what (\S+) customers bought in the (\d+) days from (\S+); the ranking was chosen on earlier days\.",
     "以 {0} 位客户自 {2} 起 {1} 天内的购买衡量；排序方法是用更早的数据选出的。"),
    (r"(\S+) by popularity", "按热门程度为 {0}"), (r"Kept: (.+)", "采用：{0}"),
    (r"Mean error of orders foretold for (\d+) days, per customer", "每位客户 {0} 天订单数预测的平均误差"),
    (r"Error (\S+) against (\S+)", "误差 {0}，对照为 {1}"), (r"(\S+) of (\S+) customers at 90 % or more", "{1} 位客户中有 {0} 位达到 90% 或以上"),
    (r"(\d+) to (\d+) %(: .+)?", "{0} 至 {1}%{2}"), (r"(\S+) by the seasonal naive forecast", "季节朴素法为 {0}"), (r"(\d+) weeks", "{0} 周"),
    (r"The next eight weeks: (\S+) to (\S+)", "今后八周：从 {0} 到 {1}"), (r"(\S+), so far: (\S+)", "{0}，至今：{1}"),
    (r"(\S+), forecast: (\S+)", "{0}，预测：{1}"), (r"(orders|revenue) of all", "全部：{0}"), (r"(orders|revenue) of (.+)", "{1}：{0}"),
    (r"(Sentiment|Intents|Own labels): accuracy", "{0}：准确率"), (r"(Sentiment|Intents|Own labels): when sure", "{0}：有把握时"),
    (r"(Sentiment|Intents|Own labels): F1 by label( \(the lowest 25\))?", "{0}：各标签的 F1{1}"), (r" \(the lowest 25\)", "（最低的 25 个）"),
    (r"Sentiment", "情绪"), (r"Intents", "意图"), (r"Own labels", "自有标签"),
    (r"(\d+) labels, (?:(\S+) ms a message)?", "{0} 个标签，每条消息 {1} 毫秒"), (r"(\S+) of messages", "占消息的 {0}"),
    (r"From (\S+) \((.+)\) to (\S+) \((.+)\)", "从 {0}（{1}）到 {2}（{3}）"), (r"Last month: mood (\S+), complaints (\S+)", "上月：情绪 {0}，投诉 {1}"),
    (r"(\S+), mood: (\S+)", "{0}，情绪：{1}"), (r"(\S+), complaints: (\S+)", "{0}，投诉：{1}"),
    (r"Points for (.+): more is better, 20 points double the odds of a good outcome\.", "{0} 的分值：越高越好，每增加 20 分，好结果的胜算加倍。"),
    (r"bad cases: (\S+)", "坏样本占 {0}"), (r"up to (\S+)", "不超过 {0}"), (r"over (\S+)", "大于 {0}"), (r"([\d.,-]+) to ([\d.,-]+)", "{0} 至 {1}"),
    (r"(\d+) orders from (\S+) on", "自 {1} 起 {0} 笔订单"), (r"Most moved: (.+), (\S+)", "变动最大：{0}，{1}"),
    (r"(.+): (.+) by version(: \S+)?", "{0}：各版本的{1}{2}"), (r"Log loss (\S+)", "对数损失 {0}"), (r"silhouette (\S+)", "轮廓系数 {0}"),
    (r"(\S+ \S+) against (\S+) of the model in place: (better|worse|about as good)", "{0}，当前模型为 {1}：{2}"),
    (r"Train churn again: (.+)", "请重新训练流失模型：{0}"), (r"(\S+) changed \(PSI (\S+)\)", "{0} 已改变（PSI {1}）"),
    (r"(\d+) of (\d+) columns moved", "{1} 列中有 {0} 列变动"), (r"trained (\d+) days ago", "训练于 {0} 天前"),
    (r"(\d+) orders are too few to say what stands out", "{0} 笔订单太少，看不出哪些异常"),
]  # fmt: skip
# what rankings are made of: "bought before, fading + EASE"
_RANKINGS = {
    "bought before": "买过的", "fading": "逐渐淡出", "when due": "到期再买", "then EASE": "再用 EASE", "user-user": "相似客户",
    "user-user cosine": "相似客户（余弦）", "user-user Pearson": "相似客户（皮尔逊）", "item-item cosine": "相似商品（余弦）",
    "item-item Pearson": "相似商品（皮尔逊）", "matrix factorisation (ALS)": "矩阵分解（ALS）", "bought together": "一起购买",
    "linear autoencoder (EASE)": "线性自编码器（EASE）", "autoencoder (Mult-DAE)": "自编码器（Mult-DAE）", "EASE": "EASE",
}  # fmt: skip
_COMPILED = [(re.compile(pattern), text) for pattern, text in _WITH_VALUES]
_NODE = re.compile(r"(?:(?<=>)|^)([^<>]+)(?=<|$)|(?<=aria-label=\")([^\"]+)(?=\")")


def to_chinese(page: str) -> str:
    """The page with its texts in Chinese; styles and commands to type are left alone."""
    parts = re.split(r"(<style>.*?</style>|<code>.*?</code>)", page, flags=re.S)
    done = [part if k % 2 else _NODE.sub(_node, part) for k, part in enumerate(parts)]
    return "".join(done).replace('<html lang="en">', '<html lang="zh">', 1)


def _node(match: re.Match[str]) -> str:
    whole = match[0]
    text = html.unescape(whole).strip()
    if not re.search(r"[A-Za-z]", text):
        return whole
    return whole.replace(whole.strip(), html.escape(translate(text)), 1)


def translate(text: str) -> str:
    """One of the report's English texts in Chinese; anything else as it is."""
    found = _SAME.get(text)
    if found is not None:
        return found
    for pattern, chinese in _COMPILED:
        if match := pattern.fullmatch(text):
            return chinese.format(*(translate(group) if group else "" for group in match.groups()))
    if "; " in text:  # several reasons in a row
        return "；".join(translate(part) for part in text.split("; "))
    pieces = re.split(r"( \+ |\+|, |…)", text)
    if any(piece in _RANKINGS or piece in _SAME for piece in pieces[::2]):
        said = [_RANKINGS.get(piece, _SAME.get(piece, piece)) for piece in pieces]
        return "".join(said).replace(", ", "，")
    name, colon, value = text.rpartition(": ")  # a bar and its length
    return f"{translate(name)}：{value}" if colon and translate(name) != name else text
