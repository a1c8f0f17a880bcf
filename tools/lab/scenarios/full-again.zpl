about = Disks that have no space again and again, below who sends, asks and answers
covers = D06 D08
seconds = 14
smoke = yes
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    server = godwit lab-peer serve --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 1000
    client = godwit lab-peer ask --connect {server} --dir {dir} --messages 2000 --rate 300
actions
    1..7/0.4 = fail-writes sender ENOSPC for 150ms
    1.1..7/0.4 = fail-writes client ENOSPC for 150ms
    1.2..7/0.8 = fail-writes worker ENOSPC for 150ms
    1.3..7/0.8 = fail-writes server ENOSPC for 150ms
