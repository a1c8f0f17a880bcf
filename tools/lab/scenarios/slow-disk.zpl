about = Syncs that take seconds
covers = D12
seconds = 16
settle = 40
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 4000 --rate 500
actions
    1 = slow-syncs worker 1s for 4s
    6 = slow-syncs sender 2s for 4s
