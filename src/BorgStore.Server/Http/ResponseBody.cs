using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <summary>Sends the bodies of responses, with their lengths.</summary>
internal static class ResponseBody
{
    private const int ChunkSize = 64 << 10;

    /// <summary>Sends a line of text.</summary>
    public static Task SendTextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return SendAsync(context, Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Sends a digest or a name. Other clients compare the content type exactly, so it must not have a charset.</summary>
    public static Task SendShortTextAsync(HttpContext context, string word)
    {
        context.Response.ContentType = "text/plain";
        return SendAsync(context, Encoding.ASCII.GetBytes(word));
    }

    /// <summary>Sends bytes, or for HEAD only their number.</summary>
    public static async Task SendAsync(HttpContext context, ReadOnlyMemory<byte> body)
    {
        context.Response.ContentLength = body.Length;
        if (context.Request.Method != HttpMethods.Head) await context.Response.BodyWriter.WriteAsync(body, context.RequestAborted);
    }

    /// <summary>Sends a stream of known length.</summary>
    public static async Task SendStreamAsync(HttpContext context, Stream value, long length)
    {
        var writer = context.Response.BodyWriter;
        for (var left = length; left > 0;)
        {
            var chunk = (int)Math.Min(left, ChunkSize);
            var buffer = writer.GetMemory(chunk)[..chunk];
            await value.ReadExactlyAsync(buffer, context.RequestAborted);
            writer.Advance(chunk);
            left -= chunk;
            // A small response is sent together with its headers when the request ends.
            if (length > ChunkSize && (await writer.FlushAsync(context.RequestAborted)).IsCompleted)
                throw new ConnectionAbortedException("The client closed the connection before the end of the answer.");
        }
    }
}
