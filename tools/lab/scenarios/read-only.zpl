about = A disk that takes no more writes
covers = D11
seconds = 12
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 800
actions
    1 = fail-writes worker EROFS for 1s
    1 = fail-opens worker EROFS for 1s
    4 = fail-writes sender EROFS for 1s
    4 = fail-opens sender EROFS for 1s
