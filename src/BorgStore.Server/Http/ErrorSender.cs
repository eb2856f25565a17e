using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <summary>Sends error responses, after the body of the refused request was read.</summary>
internal sealed class ErrorSender(ServerOptions options)
{
    /// <summary>Sends the response for a failure of a permitted request.</summary>
    public Task SendAsync(HttpContext context, StoreException e)
    {
        context.Response.Headers[ErrorResponses.Header] = e.Error.ToString();
        context.Response.Headers[ErrorResponses.DetailHeader] = Uri.EscapeDataString(e.Detail);
        if (e.Name is not null) context.Response.Headers[ErrorResponses.NameHeader] = Uri.EscapeDataString(e.Name);
        return SendAsync(context, ErrorResponses.GetStatus(e.Error), ErrorResponses.GetText(e), long.MaxValue);
    }

    /// <summary>Sends an error.</summary>
    /// <remarks>Many clients read no response before they have sent their body, so the rest of it is read first. A client that sent Expect may or may
    /// not send its body now, so the start of its next request is unknown and the connection is closed.</remarks>
    /// <param name="context">The request.</param>
    /// <param name="status">The status.</param>
    /// <param name="text">A line of text.</param>
    /// <param name="bodyLimit">The maximum number of bytes to read; the connection of a longer request is closed.</param>
    public async Task SendAsync(HttpContext context, int status, string text, long bodyLimit)
    {
        var request = context.Request;
        if (options.Stdio) request.Headers.Remove("Expect");
        if (request.Headers.ContainsKey("Expect") || !await TryDrainAsync(context, bodyLimit))
            context.Response.Headers.Connection = "close";
        await ResponseBody.SendTextAsync(context, status, text);
    }

    private async Task<bool> TryDrainAsync(HttpContext context, long limit)
    {
        var reader = context.Request.BodyReader;
        using var stalled = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        try
        {
            for (long drained = 0; drained <= limit;)
            {
                stalled.CancelAfter(options.StallTimeout);
                var result = await reader.ReadAsync(stalled.Token);
                drained += result.Buffer.Length;
                reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted) return true;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The client is gone or silent; the response is sent anyway.
        }
        return false;
    }
}
