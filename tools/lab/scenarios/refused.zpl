about = Nobody answers the call for a while
covers = N21
seconds = 10
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 1000
actions
    0.5 = refuse sender-worker for 1s
    0.6 = cut sender-worker
    3 = refuse sender-worker for 2s
    3.1 = cut sender-worker
