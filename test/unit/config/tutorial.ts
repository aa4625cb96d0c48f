/** The config file of mqant's tutorial (seeds/1-mqant.txt), as it stands there: its comments, its typing errors and all. */
export const TUTORIAL = `{
    "Settings":{
    },
    "Module":{
        "greeter":[
            {
                //Id在整个Module中必须唯一,不能重复
                "Id":"greeter",
                //这个模块所属进程,非常重要,进程会根据该参数来判断是否需要运行该模块 [development]为默认值代表开发环境
                "ProcessID":"development",
                "Settings":{
                    "Port": 7370
                }
            }
        ],
        "helloword": [
            {
                //Id在整个Module中必须唯一,不能重复
                "Id": "helloworld",
                //这个模块所属进程,非常重要,进程会根据该参数来判断是否需要运行该模块 [development]为默认值代表开发环境
                "ProcessID": "development"
            }
        ],
        "client":[
            {
                //Id在整个Module中必须唯一,不能重复
                "Id":"client",
                //这个模块所属进程,非常重要,进程会根据该参数来判断是否需要运行该模块 [development]为默认值代表开发环境
                "ProcessID":"development",
                "Settings":{
                }
            }
        ]
    },
    "Log": {
        "contenttype":"application/json",
        "multifile": {
            "maxLines": 0,
            "maxsize": 0,
            "daily": true,
            "rotate": true,
            "perm": "0600",
            "prefix":"a",
            "separate": [
                "error"
            ]
        },
        "file": {
            "maxLines": 0,
            "maxsize": 0,
            "daily": true,
            "prefix":"n",
            "rotate": true,
            "perm": "0600"
        }
    },
    "Mqtt":{
        // 最大写入包队列缓存
        "WirteLoopChanNum": 10,
        // 最大读取包队列缓存
        "ReadPackLoop": 1,
        // 读取超时
        "ReadTimeout": 10,
        // 写入超时
        "WriteTimeout": 10
    },
    "Rpc":{
        "MaxCoroutine":100,
        // 远程访问最后期限值 单位秒 这个值指定了在客户端可以等待服务端多长时间来应答
        "RpcExpired": 3,
        //默认是 false 不打印
        "LogSuccess":true
    }
}
`;
