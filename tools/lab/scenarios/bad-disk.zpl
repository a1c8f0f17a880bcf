about = Writes and syncs that fail
covers = D05
seconds = 13
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 800
actions
    1 = fail-syncs worker EIO for 300ms
    2.5 = fail-syncs sender EIO for 300ms
    4 = fail-writes worker EIO for 300ms
    5.5 = fail-writes sender EIO for 300ms
