about = Connections that are cut in the middle of a frame
covers = N01 N18
seconds = 10
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 8000 --rate 1000
actions
    1.0 = cut-at sender-worker 97
    1.4 = cut-at sender-worker 1110
    1.8 = cut-at sender-worker 2123
    2.2 = cut-at sender-worker 3136
    2.6 = cut-at sender-worker 4149
    3.0 = cut-at sender-worker 5162
    3.4 = cut-at sender-worker 6175
    3.8 = cut-at sender-worker 7188
    4.2 = cut-at sender-worker 8201
    4.6 = cut-at sender-worker 9214
    5.0 = cut-at sender-worker 10227
    5.4 = cut-at sender-worker 11240
    5.8 = cut-at sender-worker 12253
    6.2 = cut-at sender-worker 13266
    6.6 = cut-at sender-worker 14279
    7.0 = cut-at sender-worker 15292
