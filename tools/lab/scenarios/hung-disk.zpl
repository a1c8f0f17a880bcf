about = Syncs that do not return for seconds
covers = D13
seconds = 14
settle = 40
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 8000 --rate 1000
actions
    1 = hang-syncs worker for 4s
    6 = hang-syncs sender for 4s
