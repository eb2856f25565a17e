using BorgStore.Server.Http;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Observability;

/// <summary>What a request does, in one of a few words, so that it can be a label of metrics.</summary>
/// <param name="Name">The word.</param>
/// <param name="IsChange">Whether it changes the store.</param>
internal readonly record struct RequestOperation(string Name, bool IsChange = false)
{
    /// <summary>A request of Prometheus.</summary>
    public static readonly RequestOperation Metrics = new("metrics");

    private static readonly RequestOperation Other = new("other");

    /// <summary>Returns the operation of a request.</summary>
    /// <param name="method">Its method.</param>
    /// <param name="target">Its target.</param>
    public static RequestOperation Of(string method, RequestTarget target)
    {
        if (method == HttpMethods.Head) return new("info");
        if (method == HttpMethods.Get) return OfGet(target);
        if (method == HttpMethods.Post)
            return target["cmd"] switch
            {
                null => new("store", IsChange: true),
                "create" => new("create", IsChange: true),
                "mkdir" => new("mkdir", IsChange: true),
                "move" => new("move", IsChange: true),
                "defrag" => new("defrag", IsChange: true),
                "hash" => new("hash"),
                "gather" => new("gather"),
                "quota" => new("quota"),
                "flush" => new("flush"),
                _ => Other,
            };
        if (method == HttpMethods.Delete)
            return target["cmd"] switch
            {
                null => new("delete", IsChange: true),
                "rmdir" => new("rmdir", IsChange: true),
                "destroy" => new("destroy", IsChange: true),
                "temporary" => new("delete-temporary", IsChange: true),
                _ => Other,
            };
        return Other;
    }

    private static RequestOperation OfGet(RequestTarget target) => target["cmd"] switch
    {
        "tree" => new("tree"),
        "temporaries" => new("temporaries"),
        "health" => new("health"),
        _ => new(target.IsListing ? "list" : "load"),
    };
}
