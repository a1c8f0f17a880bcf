about = The other side is silent, then gone
covers = N03 N22
seconds = 10
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 1000
actions
    1 = hold sender-worker for 1500ms
    4 = drop sender-worker for 2s
