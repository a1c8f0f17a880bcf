about = Writes that fail for lack of space, and writes that are short
covers = D06 D08
seconds = 14
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 800
actions
    1 = fail-writes worker ENOSPC for 800ms
    2.5 = fail-writes sender ENOSPC for 800ms
    4 = short-writes worker for 500ms
    5 = short-writes sender for 500ms
    6 = fail-writes sender EDQUOT for 500ms
