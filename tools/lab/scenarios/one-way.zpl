about = Bytes get through in one direction only
covers = N04 N05
seconds = 11
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 8000 --rate 1000
actions
    1 = drop sender-worker forward for 1500ms
    4 = drop sender-worker back for 1500ms
    7 = hold sender-worker back for 300ms
