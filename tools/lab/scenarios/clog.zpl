about = Bytes that wait for seconds and come in a burst
covers = N09
seconds = 10
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 8000 --rate 1000
actions
    1 = hold sender-worker for 500ms
    2.5 = hold sender-worker for 2s
    6 = hold sender-worker forward for 1s
